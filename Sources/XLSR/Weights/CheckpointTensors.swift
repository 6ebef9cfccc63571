import FoundationEssentials
import TensorEngine

/// All tensors of a checkpoint under one flat list of names, whatever files they lie in.
package struct CheckpointTensors: Sendable {
    /// The folder or the file, as the user named it.
    package let path: String
    /// In alphabetical order.
    package let names: [String]
    private let sources: [String: any TensorFile]

    /// What a folder is searched for, in this order, as transformers does.
    private static let fileNames = [
        "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json",
    ]

    /// The tensors of a folder, or of one `.safetensors` or `.bin` file.
    /// - Throws: `CheckpointError` when nothing is found or a file breaks its format.
    package init(opening path: String) throws {
        if CheckpointFiles.isFolder(path) {
            try self.init(CheckpointFiles(folder: path))
        } else {
            self.init([try Self.open(CheckpointFiles.mapping(path), path: path)], path: path)
        }
    }

    /// - Throws: `CheckpointError` when nothing is found or a file breaks its format.
    package init(_ files: CheckpointFiles) throws {
        if let tensors = files.tensors {
            self.init([tensors], path: files.path)
            return
        }
        for name in Self.fileNames {
            guard let memory = try files.memory(of: name) else { continue }
            let path = files.path(of: name)
            if name.hasSuffix(".index.json") {
                try self.init(
                    index: memory.contents(limit: MappedFile.defaultSmallFileLimit, path: path), indexPath: path, files)
            } else {
                self.init([try Self.open(memory, path: path)], path: files.path)
            }
            return
        }
        throw CheckpointError(
            .missingFile, path: files.path, "no weights: none of \(Self.fileNames.joined(separator: ", ")) is there")
    }

    /// The tensors of one file of a checkpoint; nil when it isn't there.
    init?(file name: String, in files: CheckpointFiles) throws {
        guard let memory = try files.memory(of: name) else { return nil }
        self.init([try Self.open(memory, path: files.path(of: name))], path: files.path(of: name))
    }

    package func shape(of name: String) -> Shape? { sources[name]?.shape(of: name) }

    /// - Throws: `CheckpointError` for a name that isn't there and for elements that no tensor can hold.
    package func tensor(named name: String) throws -> HostArray {
        guard let source = sources[name] else {
            throw CheckpointError(.weights, path: path, "there is no tensor named \(name)")
        }
        return try source.tensor(named: name)
    }

    /// The file that holds the tensor, for messages.
    package func origin(of name: String) -> String? { sources[name]?.path }

    /// The tensors of several files.
    package init(_ files: [any TensorFile], path: String) {
        var sources: [String: any TensorFile] = [:]
        for file in files {
            for name in file.tensorNames { sources[name] = file }
        }
        self.init(sources, path: path)
    }

    private init(_ sources: [String: any TensorFile], path: String) {
        self.path = path
        self.sources = sources
        names = sources.keys.sorted()
    }

    private struct Index: Decodable {
        let weightMap: [String: String]

        enum CodingKeys: String, CodingKey {
            case weightMap = "weight_map"
        }
    }

    /// The tensors of the shards that an index lists.
    private init(index: [UInt8], indexPath: String, _ files: CheckpointFiles) throws {
        guard let index = try? JSONDecoder().decode(Index.self, from: Data(index)) else {
            throw CheckpointError.malformed(indexPath, "not a JSON object with a weight_map of names and files")
        }
        var shards: [String: any TensorFile] = [:]
        var sources: [String: any TensorFile] = [:]
        for (name, shardName) in index.weightMap.sorted(by: { $0.key < $1.key }) {
            let shard = try shards[shardName] ?? Self.openShard(shardName, indexPath: indexPath, files)
            shards[shardName] = shard
            guard shard.shape(of: name) != nil else {
                throw CheckpointError(.weights, path: shard.path, "lacks \(name), which \(indexPath) says is there")
            }
            sources[name] = shard
        }
        self.init(sources, path: files.path)
    }

    private static func openShard(_ name: String, indexPath: String, _ files: CheckpointFiles) throws -> any TensorFile
    {
        // An index from the network must not reach files elsewhere.
        guard !name.isEmpty, name != ".", name != "..", !name.contains("/"), !name.contains("\0") else {
            throw CheckpointError(.refused, path: indexPath, "\"\(name)\" is not the name of a file in this folder")
        }
        guard let memory = try files.memory(of: name) else {
            throw CheckpointError(
                .missingFile, path: files.path(of: name), "no such file, but \(indexPath) lists it",
                remedy: "download the file")
        }
        return try open(memory, path: files.path(of: name))
    }

    private static func open(_ memory: any HostMemory, path: String) throws -> any TensorFile {
        path.hasSuffix(".safetensors") ? try SafetensorsFile(memory, path: path) : try TorchFile(memory, path: path)
    }
}
