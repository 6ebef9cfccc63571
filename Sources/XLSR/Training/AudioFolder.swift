import FoundationEssentials

/// Audio in folders.
enum AudioFolder {
    private static let audioExtensions: Set = [
        "3gp", "aac", "ac3", "aif", "aifc", "aiff", "amr", "ape", "au", "caf", "flac", "m4a", "m4b", "mka", "mkv",
        "mov", "mp2", "mp3", "mp4", "mpga", "oga", "ogg", "opus", "snd", "sph", "spx", "voc", "w64", "wav", "wave",
        "webm", "wma", "wv",
    ]

    /// The files whose names end as audio's do, those of folders inside too, in alphabetical order.
    static func files(in folder: String) throws -> [String] { try files(in: folder, within: []) }

    /// - Parameter outer: the folders that it is in, which a link may lead back to.
    private static func files(in folder: String, within outer: Set<String>) throws -> [String] {
        let own = URL(filePath: folder).resolvingSymlinksInPath().path
        guard !outer.contains(own) else { return [] }
        return try names(in: folder).flatMap { name -> [String] in
            let path = "\(folder)/\(name)"
            if CheckpointFiles.isFolder(path) { return try files(in: path, within: outer.union([own])) }
            let ending = name.lastIndex(of: ".").map { name[name.index(after: $0)...].lowercased() }
            return audioExtensions.contains(ending ?? "") ? [path] : []
        }
    }

    /// Those that aren't hidden.
    static func names(in folder: String) throws -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: folder).filter { !$0.hasPrefix(".") }.sorted()
        } catch {
            throw TextError(.missingFile, source: folder, "the folder can't be read")
        }
    }

    static func withoutSlash(_ path: String) -> String {
        path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    }
}
