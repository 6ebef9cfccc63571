import TensorEngine

/// The element types of checkpoint files, by their safetensors names: more than tensors can have.
enum ElementType: String {
    case float64 = "F64"
    case float32 = "F32"
    case float16 = "F16"
    case bfloat16 = "BF16"
    case int64 = "I64"
    case int32 = "I32"
    case int16 = "I16"
    case int8 = "I8"
    case uint8 = "U8"
    case bool = "BOOL"

    var byteSize: Int {
        switch self {
        case .float64, .int64: 8
        case .float32, .int32: 4
        case .float16, .bfloat16, .int16: 2
        case .int8, .uint8, .bool: 1
        }
    }

    /// The same elements as a tensor's type: the bytes themselves where there is one, float32 for float64,
    /// int32 for int64 when every value fits.
    /// - Throws: `CheckpointError` for all other types and for integers that don't fit.
    func array(_ shape: Shape, in memory: any HostMemory, _ byteRange: Range<Int>, name: String, path: String) throws
        -> HostArray
    {
        let dtype: DType
        switch self {
        case .float32: dtype = .float32
        case .float16: dtype = .float16
        case .bfloat16: dtype = .bfloat16
        case .int32: dtype = .int32
        case .int8: dtype = .int8
        case .float64:
            return HostArray(Self.elements(of: Double.self, in: memory, byteRange) { Float($0) }, shape: shape)
        case .int64:
            return HostArray(
                try Self.elements(of: Int64.self, in: memory, byteRange) { value in
                    guard let value = Int32(exactly: value) else {
                        throw CheckpointError(.weights, path: path, "\(name) holds \(value), which is beyond 32 bits")
                    }
                    return value
                }, shape: shape)
        case .int16, .uint8, .bool: throw Self.unsupported(rawValue, name: name, path: path)
        }
        return HostArray(shape: shape, dtype: dtype, memory: memory, byteRange: byteRange)
    }

    static func unsupported(_ type: String, name: String, path: String) -> CheckpointError {
        CheckpointError(
            .weights, path: path, "\(name) has elements of type \(type), which this engine doesn't compute with",
            remedy: "convert it to F32, F16, BF16, I32 or I8")
    }

    private static func elements<Stored, Element>(
        of _: Stored.Type, in memory: any HostMemory, _ byteRange: Range<Int>, convert: (Stored) throws -> Element
    ) rethrows -> [Element] where Stored: BitwiseCopyable {
        try memory.withUnsafeBytes { bytes in
            try stride(from: byteRange.lowerBound, to: byteRange.upperBound, by: MemoryLayout<Stored>.size).map {
                try convert(bytes.loadUnaligned(fromByteOffset: $0, as: Stored.self))
            }
        }
    }
}
