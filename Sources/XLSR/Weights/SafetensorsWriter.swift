import FoundationEssentials
import TensorEngine

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
        // Widest elements first, as the reference implementation does, so that every tensor is aligned.
        let tensors = tensors.sorted {
            ($1.array.dtype.byteSize, $0.name) < ($0.array.dtype.byteSize, $1.name)
        }
        var header = SafetensorsHeader()
        header.metadata = metadata
        var end = 0
        for (name, array) in tensors {
            let start = end
            end += array.byteRange.count
            let entry = SafetensorsHeader.Entry(
                dtype: ElementType(array.dtype).rawValue, shape: array.shape.dimensions, dataOffsets: [start, end])
            guard header.entries.updateValue(entry, forKey: name) == nil else {
                throw CheckpointError(.weights, path: path, "two tensors are named \(name)")
            }
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var text = Array(try encoder.encode(header))
        text += Array(repeating: UInt8(ascii: " "), count: (8 - text.count % 8) % 8)

        try withUnsafeBytes(of: UInt64(text.count).littleEndian) { try write($0) }
        try text.withUnsafeBytes { try write($0) }
        for (_, array) in tensors {
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
