import FoundationEssentials
import TensorEngine

/// Audio files with a label each: what a classifier is trained on.
public struct LabelledFiles: Sendable {
    public struct Item: Hashable, Sendable {
        public let path: String
        public let label: String

        public init(path: String, label: String) {
            (self.path, self.label) = (path, label)
        }
    }

    public let items: [Item]
    /// Each once, in alphabetical order.
    public let labels: [String]

    public init(_ items: [Item]) {
        self.items = items
        labels = Set(items.map(\.label)).sorted()
    }

    /// Reads a folder that has a folder of audio for each label, or a table.
    ///
    /// Of such a folder, which may have more of them inside, the files count whose names end as audio's do (wav, flac,
    /// mp3, …), in alphabetical order.
    ///
    /// A table is a text in UTF-8 with a line a file: path, tab, label. Or its first line names columns, and `path` and
    /// `label` are among them. A relative path begins at the table's folder.
    /// - Parameter path: of the folder or the table; `-` for a table from standard input.
    /// - Throws: `TextError` for what can't be read, a line without a label, and where there is nothing.
    public init(path: String) throws {
        self.init(try CheckpointFiles.isFolder(path) ? Self.items(inFolder: path) : Self.items(inTable: path))
        guard !items.isEmpty else {
            throw TextError(
                .empty, source: path, "no labelled audio in it",
                remedy: "name a folder with a folder of audio for each label, or a table: path, tab, label on a line")
        }
    }

    // MARK: - Folders

    private static let audioExtensions: Set = [
        "3gp", "aac", "ac3", "aif", "aifc", "aiff", "amr", "ape", "au", "caf", "flac", "m4a", "m4b", "mka", "mkv",
        "mov", "mp2", "mp3", "mp4", "mpga", "oga", "ogg", "opus", "snd", "sph", "spx", "voc", "w64", "wav", "wave",
        "webm", "wma", "wv",
    ]

    private static func items(inFolder path: String) throws -> [Item] {
        let folder = path.hasSuffix("/") ? String(path.dropLast()) : path
        return try names(in: folder).filter { CheckpointFiles.isFolder("\(folder)/\($0)") }.flatMap { label in
            try audioFiles(in: "\(folder)/\(label)").map { Item(path: $0, label: label) }
        }
    }

    /// - Parameter outer: the folders that it is in, which a link may lead back to.
    private static func audioFiles(in folder: String, within outer: Set<String> = []) throws -> [String] {
        let own = URL(filePath: folder).resolvingSymlinksInPath().path
        guard !outer.contains(own) else { return [] }
        return try names(in: folder).flatMap { name -> [String] in
            let path = "\(folder)/\(name)"
            if CheckpointFiles.isFolder(path) { return try audioFiles(in: path, within: outer.union([own])) }
            let ending = name.lastIndex(of: ".").map { name[name.index(after: $0)...].lowercased() }
            return audioExtensions.contains(ending ?? "") ? [path] : []
        }
    }

    /// Those that aren't hidden.
    private static func names(in folder: String) throws -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: folder).filter { !$0.hasPrefix(".") }.sorted()
        } catch {
            throw TextError(.missingFile, source: folder, "the folder can't be read")
        }
    }

    // MARK: - Tables

    private static func items(inTable path: String) throws -> [Item] {
        let rows = try TextFile.read(path).split(separator: "\n", omittingEmptySubsequences: false).enumerated()
            .filter { !$0.element.allSatisfy(\.isWhitespace) }
            .map { (line: $0.offset + 1, cells: $0.element.split(separator: "\t", omittingEmptySubsequences: false)) }
        guard let first = rows.first else { return [] }
        let named = (path: first.cells.firstIndex(of: "path"), label: first.cells.firstIndex(of: "label"))
        let hasNames = named.path != nil && named.label != nil
        let columns = (path: hasNames ? named.path ?? 0 : 0, label: hasNames ? named.label ?? 1 : 1)
        let folder = path.lastIndex(of: "/").map { path[...$0] } ?? ""
        return try rows.dropFirst(hasNames ? 1 : 0).map { line, cells in
            guard cells.count > max(columns.path, columns.label), !cells[columns.path].isEmpty,
                !cells[columns.label].isEmpty
            else {
                throw TextError(
                    .malformed, source: path, "line \(line) isn't path, tab, label",
                    remedy: "or name the columns in the first line, path and label among them")
            }
            let file = cells[columns.path]
            return Item(
                path: file.hasPrefix("/") ? String(file) : "\(folder)\(file)", label: String(cells[columns.label]))
        }
    }
}
