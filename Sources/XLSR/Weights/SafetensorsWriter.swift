import FoundationEssentials
import TensorEngine

/// A tensor to be written; its numbers are asked for when their turn comes.
struct SafetensorsEntry {
    let name: String
    let shape: Shape
    let dtype: DType
    /// - Returns: an array of that shape and type.
    let array: () throws -> HostArray

    init(_ name: String, _ shape: Shape, _ dtype: DType, _ array: @escaping () throws -> HostArray) {
        self.name = name
        self.shape = shape
        self.dtype = dtype
        self.array = array
    }

    init(_ name: String, _ array: HostArray) {
        self.init(name, array.shape, array.dtype) { array }
    }

    var byteCount: Int { shape.count * dtype.byteSize }
}

/// Writes safetensors files.
package enum SafetensorsWriter {
    /// Writes `tensors` to `path`, one after the other; an existing file is replaced only when all went well.
    /// - Throws: `CheckpointError` for two tensors of one name and when the file can't be written.
    package static func write(
        _ tensors: [(name: String, array: HostArray)], metadata: [String: String]? = nil, to path: String
    ) throws {
        let file = try AtomicFile(path: path)
        try write(tensors, metadata: metadata, path: path, file.write)
        try file.commit()
    }

    /// Hands over the file's bytes piece by piece. `path` names it in errors.
    package static func write(
        _ tensors: [(name: String, array: HostArray)], metadata: [String: String]? = nil, path: String,
        _ write: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        try self.write(tensors.map { SafetensorsEntry($0.name, $0.array) }, metadata: metadata, path: path, write)
    }

    /// The same of tensors that are made one by one.
    static func write(
        _ entries: [SafetensorsEntry], metadata: [String: String]?, path: String,
        _ write: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        // Widest elements first, as the reference implementation does, so that every tensor is aligned.
        let entries = entries.sorted { ($1.dtype.byteSize, $0.name) < ($0.dtype.byteSize, $1.name) }
        var header = SafetensorsHeader()
        header.metadata = metadata
        var end = 0
        for entry in entries {
            let start = end
            end += entry.byteCount
            let line = SafetensorsHeader.Entry(
                dtype: ElementType(entry.dtype).rawValue, shape: entry.shape.dimensions, dataOffsets: [start, end])
            guard header.entries.updateValue(line, forKey: entry.name) == nil else {
                throw CheckpointError(.weights, path: path, "two tensors are named \(entry.name)")
            }
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var text = Array(try encoder.encode(header))
        text += Array(repeating: UInt8(ascii: " "), count: (8 - text.count % 8) % 8)

        try withUnsafeBytes(of: UInt64(text.count).littleEndian) { try write($0) }
        try text.withUnsafeBytes { try write($0) }
        for entry in entries {
            let array = try entry.array()
            try array.withUnsafeBytes { try write($0) }
            // Else converting a checkpoint would fill memory with all of it.
            array.memory.discardResidentPages(in: array.byteRange)
        }
    }
}

extension ElementType {
    init(_ dtype: DType) {
        self =
            switch dtype {
            case .float32: .float32
            case .float16: .float16
            case .bfloat16: .bfloat16
            case .int32: .int32
            case .int8: .int8
            }
    }
}
