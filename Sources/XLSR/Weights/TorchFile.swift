import TensorEngine

/// A file of `torch.save` (`pytorch_model.bin`): a state dict, plain or under "state_dict" or "model".
///
/// Its pickle is read as data; values that are no tensors are skipped. Tensors are views of the file's memory,
/// but for those that are not dense there.
package struct TorchFile: TensorFile {
    package let path: String
    private let memory: any HostMemory
    private let entries: [String: Entry]

    private struct Entry {
        let type: ElementType
        let view: StridedView
        /// The storage that the view lies in, as bytes of the file.
        let storage: Range<Int>
    }

    /// - Throws: `CheckpointError` when the file breaks its format, and of kind `refused` when its pickle calls
    ///   anything but the functions that rebuild tensors.
    package init(_ memory: any HostMemory, path: String) throws {
        let contents = try memory.withUnsafeBytes { try TorchContents($0, path: path) }
        guard var members = contents.heap.members(of: contents.value) else {
            throw CheckpointError(.malformed, path: path, "the file holds no state dict")
        }
        for key in ["state_dict", "model"] {
            guard let inner = members[key].flatMap(contents.heap.members) else { continue }
            members = inner
            break
        }
        try self.init(members, of: contents, memory, path: path)
    }

    /// The tensors among the values of a dictionary.
    init(_ members: [String: PickleValue], of contents: TorchContents, _ memory: any HostMemory, path: String) throws {
        self.path = path
        self.memory = memory
        var entries: [String: Entry] = [:]
        for (name, value) in members {
            guard case .object(let object) = value, let tensor = object as? TorchTensor else { continue }
            entries[name] = try Self.entry(tensor, name: name, in: contents, path: path)
        }
        guard !entries.isEmpty else {
            throw CheckpointError(.malformed, path: path, "the file's state dict holds no tensors")
        }
        self.entries = entries
    }

    package var tensorNames: [String] { entries.keys.sorted() }

    package func shape(of name: String) -> Shape? { entries[name]?.view.shape }

    package func tensor(named name: String) throws -> HostArray {
        guard let entry = entries[name] else { throw missing(name) }
        let (type, view) = (entry.type, entry.view)
        if view.isContiguous {
            let start = entry.storage.lowerBound + view.offset * type.byteSize
            let range = start..<start + view.shape.count * type.byteSize
            return try type.array(view.shape, in: memory, range, name: name, path: path)
        }
        let bytes = memory.withUnsafeBytes {
            view.denseBytes(of: UnsafeRawBufferPointer(rebasing: $0[entry.storage]), elementSize: type.byteSize)
        }
        return try type.array(view.shape, in: ArrayMemory(bytes), 0..<bytes.count, name: name, path: path)
    }

    private static func entry(_ tensor: TorchTensor, name: String, in contents: TorchContents, path: String) throws
        -> Entry
    {
        let storage = tensor.storage
        guard let stored = contents.storages[storage.key] else {
            throw CheckpointError.malformed(path, "\(name) lies in storage \(storage.key), which the file lacks")
        }
        guard stored.count == storage.byteCount else {
            throw CheckpointError.malformed(
                path, "the storage of \(name) has \(stored.count) bytes where \(storage.byteCount) are claimed")
        }
        let range = storage.byteRange
        guard
            let view = StridedView(
                sizes: tensor.sizes, strides: tensor.strides, offset: tensor.offset,
                storageCount: range.count / tensor.type.byteSize)
        else { throw CheckpointError.malformed(path, "\(name) reaches beyond its storage of \(range.count) bytes") }
        return Entry(
            type: tensor.type, view: view,
            storage: stored.lowerBound + range.lowerBound..<stored.lowerBound + range.upperBound)
    }
}
