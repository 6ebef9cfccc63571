/// An n-dimensional array on a device: a value with a shape, an element type and its whole storage.
///
/// Dense and row-major; there are no strides and no views, so a kernel gets plain pointers and sizes.
/// Reshaping is free; everything else is an operation that makes a new tensor.
public struct Tensor: Sendable {
    public let shape: Shape
    public let dtype: DType
    public let backend: any Backend
    public let storage: Storage

    public init(shape: Shape, dtype: DType, backend: any Backend, storage: Storage) {
        self.shape = shape
        self.dtype = dtype
        self.backend = backend
        self.storage = storage
    }

    /// A tensor of undefined contents, to be written by one operation.
    /// - Throws: `TensorError`: `invalidArgument` for sizes that no array can have, `outOfMemory`.
    public static func uninitialized(
        _ shape: Shape, dtype: DType = .float32, on backend: any Backend
    ) throws -> Tensor {
        let (byteCount, overflows) = try shape.checkedCount("uninitialized")
            .multipliedReportingOverflow(by: dtype.byteSize)
        let storage = try backend.pool.allocate(byteCount: overflows ? .max : byteCount)
        return Tensor(shape: shape, dtype: dtype, backend: backend, storage: storage)
    }

    /// Copies a host array to a device. The element type stays.
    /// - Throws: `TensorError`: `outOfMemory`, `deviceFailure`.
    public init(_ array: HostArray, on backend: any Backend) throws {
        self = try .uninitialized(array.shape, dtype: array.dtype, on: backend)
        try array.withUnsafeBytes { try backend.upload($0, into: storage) }
    }

    /// Copies numbers to a device, as float32.
    /// - Throws: `TensorError`: `invalidArgument` unless there are `shape.count` of them, `outOfMemory`,
    ///   `deviceFailure`.
    public init(_ values: [Float], shape: Shape, on backend: any Backend) throws {
        guard try shape.checkedCount("Tensor") == values.count else {
            throw TensorError(
                .invalidArgument, operation: "Tensor", "\(values.count) values for another number of elements",
                shapes: [shape], device: backend.device)
        }
        try self.init(HostArray(values, shape: shape), on: backend)
    }

    /// Copies integers to a device, as a vector `[count]` of int32.
    /// - Throws: `TensorError`: `outOfMemory`, `deviceFailure`.
    public init(_ values: [Int32], on backend: any Backend) throws {
        try self.init(HostArray(values, shape: [values.count]), on: backend)
    }

    /// Waits for the device and copies the elements to the host.
    /// - Throws: `TensorError` with what failed on the device since it was last waited for.
    public func hostArray() throws -> HostArray {
        var bytes = [UInt8](repeating: 0, count: shape.count * dtype.byteSize)
        DeviceTurn.giveBack()
        try bytes.withUnsafeMutableBytes { try backend.download(storage, into: $0) }
        let byteCount = bytes.count
        return HostArray(shape: shape, dtype: dtype, memory: ArrayMemory(bytes), byteRange: 0..<byteCount)
    }

    /// All elements as float32 on the host.
    public func floats() throws -> [Float] {
        var values: [Float] = []
        try copy(into: &values)
        return values
    }

    /// The same into an array that is there, whose memory serves again where it is large enough.
    package func copy(into values: inout [Float]) throws {
        guard dtype == .float32 else { return values = try hostArray().floats() }
        if values.count != shape.count { values = [Float](repeating: 0, count: shape.count) }
        DeviceTurn.giveBack()
        try values.withUnsafeMutableBytes { try backend.download(storage, into: $0) }
    }

    /// The same elements in another shape. Free.
    /// - Throws: `TensorError` when the counts differ.
    public func reshaped(_ shape: Shape) throws -> Tensor {
        guard try shape.checkedCount("reshaped") == self.shape.count else {
            throw TensorError(.invalidArgument, operation: "reshaped", "counts differ", shapes: [self.shape, shape])
        }
        return Tensor(shape: shape, dtype: dtype, backend: backend, storage: storage)
    }
}

extension Tensor: CustomStringConvertible {
    public var description: String { "Tensor(\(shape), \(dtype), \(backend.device))" }
}
