import FoundationEssentials
import Glibc
import TensorEngine

/// The files of a checkpoint by their names: a folder, or bytes in memory.
package struct CheckpointFiles: Sendable {
    /// The folder as the user named it, or what the files in memory are called in messages.
    package let path: String
    private let memories: [String: any HostMemory]?
    /// The weights, where they are in no file of a folder's format.
    let tensors: (any TensorFile)?
    /// Why files that one would look for aren't there.
    private let absences: [String: CheckpointError]

    /// The files in the folder `path`.
    /// - Throws: `CheckpointError` when there is no such folder.
    package init(folder path: String) throws {
        guard Self.isFolder(path) else {
            let isFile = access(path, F_OK) == 0
            throw CheckpointError(.missingFile, path: path, isFile ? "is not a folder" : "no such folder")
        }
        self.path = path
        memories = nil
        tensors = nil
        absences = [:]
    }

    /// Files in memory.
    package init(_ memories: [String: any HostMemory], path: String) {
        self.init(memories, tensors: nil, absences: [:], path: path)
    }

    /// Files in memory beside weights of another format.
    init(
        _ memories: [String: any HostMemory], tensors: (any TensorFile)?, absences: [String: CheckpointError],
        path: String
    ) {
        self.path = path
        self.memories = memories
        self.tensors = tensors
        self.absences = absences
    }

    /// The names of all files, or of those in the folder `name`, in alphabetical order; none of a folder that can't be
    /// read.
    func names(in name: String? = nil) -> [String] {
        if let memories { return name == nil ? memories.keys.sorted() : [] }
        let folder = name.map(path(of:)) ?? path
        return ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
    }

    /// Files beside the weights that a checkpoint may have.
    static let sideFiles = [
        "preprocessor_config.json", "processor_config.json", "vocab.json", "added_tokens.json", "tokenizer_config.json",
        "special_tokens_map.json", "tokenizer.json", "sentencepiece.bpe.model", "generation_config.json", "README.md",
        "alphabet.json",
    ]

    /// The paths of what a model is loaded from, of all that is in its folder.
    package func modelPaths() -> [String] {
        names().filter { name in
            name == "config.json" || Self.sideFiles.contains(name)
                || ["model", "pytorch_model", "adapter."].contains(where: name.hasPrefix)
        }.map(path(of:))
    }

    package static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// The path of the file `name`, for messages.
    package func path(of name: String) -> String { path.hasSuffix("/") ? path + name : "\(path)/\(name)" }

    /// The path of the folder `name`; nil when there is no such folder.
    func folder(_ name: String) -> String? {
        let path = path(of: name)
        return memories == nil && Self.isFolder(path) ? path : nil
    }

    /// The bytes of the file `name`, mapped; nil when there is no such file.
    /// - Parameter mayBeEmpty: whether a file without bytes makes sense.
    /// - Throws: `CheckpointError` when the file can't be read, is empty, or is a mere pointer to the real one.
    package func memory(of name: String, mayBeEmpty: Bool = false) throws -> (any HostMemory)? {
        if let absence = absences[name] { throw absence }
        if let memories { return try memories[name].map { try Self.checkedForPointer($0, path: path(of: name)) } }
        var status = stat()
        guard stat(path(of: name), &status) == 0 || errno != ENOENT else { return nil }
        // What is empty can't be mapped.
        if mayBeEmpty, status.st_mode & S_IFMT == S_IFREG, status.st_size == 0 { return ArrayMemory([]) }
        return try Self.mapping(path(of: name))
    }

    /// The bytes of a small file, such as settings; nil when there is no such file.
    /// - Throws: `CheckpointError` as `memory(of:)`, and when the file has more than `limit` bytes.
    package func contents(of name: String, limit: Int = MappedFile.defaultSmallFileLimit) throws -> [UInt8]? {
        try memory(of: name)?.contents(limit: limit, path: path(of: name))
    }

    static func mapping(_ path: String) throws -> any HostMemory {
        try checkedForPointer(MappedFile(path: path), path: path)
    }

    /// Clones made without git-lfs hold a few lines of text in place of each large file.
    private static func checkedForPointer(_ memory: any HostMemory, path: String) throws -> any HostMemory {
        guard !memory.withUnsafeBytes({ $0.starts(with: Array("version https://git-lfs".utf8)) }) else {
            throw CheckpointError(
                .missingFile, path: path, "is a git-lfs pointer, not the file itself",
                remedy: "run `git lfs pull` in that folder")
        }
        return memory
    }
}
