/// Memory that a `HostArray` reads: a mapped file, a decoded buffer, a Swift array.
///
/// The bytes must stay valid and unchanged for as long as the object lives.
public protocol HostMemory: AnyObject, Sendable {
    func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result

    /// Says that this byte range won't be read again soon, so that mapped pages may leave memory. Reading it stays
    /// valid.
    func discardResidentPages(in range: Range<Int>)
}

extension HostMemory {
    public func discardResidentPages(in range: Range<Int>) {}
}

/// A dense, row-major array of any `DType` in host memory, little-endian: what checkpoint files hold
/// and what backends upload. The bytes need not be aligned.
public struct HostArray: Sendable {
    public let shape: Shape
    public let dtype: DType
    public let memory: any HostMemory
    /// Where the elements lie in `memory`.
    public let byteRange: Range<Int>

    /// - Precondition: `byteRange` lies inside `memory` and holds exactly `shape.count` elements.
    public init(shape: Shape, dtype: DType, memory: any HostMemory, byteRange: Range<Int>) {
        precondition(byteRange.count == shape.count * dtype.byteSize)
        self.shape = shape
        self.dtype = dtype
        self.memory = memory
        self.byteRange = byteRange
    }

    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try memory.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[byteRange])) }
    }
}

/// Bytes in a Swift array.
public final class ArrayMemory: HostMemory {
    public let bytes: [UInt8]

    public init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try bytes.withUnsafeBytes(body)
    }
}

/// Numbers in a Swift array.
private final class FloatMemory: HostMemory {
    let values: [Float]

    init(_ values: [Float]) {
        self.values = values
    }

    func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try values.withUnsafeBytes(body)
    }
}

extension HostArray {
    /// A float32 array of `values`.
    /// - Precondition: `values.count == shape.count`.
    public init(_ values: [Float], shape: Shape) {
        precondition(values.count == shape.count)
        let byteCount = values.count * MemoryLayout<Float>.size
        self.init(shape: shape, dtype: .float32, memory: FloatMemory(values), byteRange: 0..<byteCount)
    }

    /// An int32 array of `values`.
    /// - Precondition: `values.count == shape.count`.
    public init(_ values: [Int32], shape: Shape) {
        precondition(values.count == shape.count)
        let bytes = values.withUnsafeBytes { Array($0) }
        self.init(shape: shape, dtype: .int32, memory: ArrayMemory(bytes), byteRange: 0..<bytes.count)
    }

    /// All elements as float32, whatever `dtype` is. Exact for every `DType` but large `int32`.
    public func floats() -> [Float] {
        withUnsafeBytes { bytes in
            let count = shape.count
            return [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
                for index in 0..<count {
                    buffer[index] = Self.float(in: bytes, at: index, dtype: dtype)
                }
                initialized = count
            }
        }
    }

    private static func float(in bytes: UnsafeRawBufferPointer, at index: Int, dtype: DType) -> Float {
        let offset = index * dtype.byteSize
        switch dtype {
        case .float32: return bytes.loadUnaligned(fromByteOffset: offset, as: Float.self)
        case .float16:
            return float(fromHalf: bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
        case .bfloat16:
            return Float(bitPattern: UInt32(bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self)) << 16)
        case .int8: return Float(bytes.loadUnaligned(fromByteOffset: offset, as: Int8.self))
        case .int32: return Float(bytes.loadUnaligned(fromByteOffset: offset, as: Int32.self))
        }
    }

    /// IEEE 754 half to single by bits: exact, subnormals, infinities and NaN included.
    private static func float(fromHalf half: UInt16) -> Float {
        let sign = UInt32(half & 0x8000) << 16
        let exponent = UInt32(half >> 10) & 0x1F
        let fraction = UInt32(half & 0x3FF)
        switch exponent {
        case 0:
            let magnitude = Float(fraction) * 0x1p-24
            return Float(bitPattern: sign | magnitude.bitPattern)
        case 0x1F: return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
        default: return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
        }
    }
}
