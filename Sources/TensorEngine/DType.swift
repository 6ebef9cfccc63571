/// The element types that a tensor can hold.
public enum DType: String, Hashable, Sendable, CaseIterable, CustomStringConvertible {
    case float32 = "f32"
    case float16 = "f16"
    case bfloat16 = "bf16"
    case int8 = "int8"
    case int32 = "int32"

    /// Bytes an element.
    public var byteSize: Int {
        switch self {
        case .float32, .int32: 4
        case .float16, .bfloat16: 2
        case .int8: 1
        }
    }

    public var isFloatingPoint: Bool {
        switch self {
        case .float32, .float16, .bfloat16: true
        case .int8, .int32: false
        }
    }

    public var description: String { rawValue }
}

extension Float {
    /// As bfloat16, rounded to nearest even; a NaN stays one.
    @inlinable package var bfloat16Bits: UInt16 {
        guard !isNaN else { return UInt16(truncatingIfNeeded: bitPattern >> 16) | 0x40 }
        return UInt16(truncatingIfNeeded: (bitPattern &+ 0x7FFF &+ (bitPattern >> 16 & 1)) >> 16)
    }
}
