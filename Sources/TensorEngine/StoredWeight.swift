/// A weight `[out, in]` where a checkpoint stores it: matrices of one element type under each other, read in place.
///
/// Of int8 the numbers are `integers[o, i] · scales[o]`; of all other types what is stored.
public struct StoredWeight: Sendable {
    /// `[rows, in]` each.
    public let parts: [HostArray]
    public let dtype: DType
    /// Of int8: one for each row of all parts, `[out]`; nil otherwise.
    public let scales: [Float]?
    /// `[out, in]`
    public let shape: Shape

    /// - Throws: `TensorError` for no parts, for parts of different types or columns, and for scales that aren't one a
    ///   row of int8.
    public init(_ parts: [HostArray], scales: [Float]? = nil) throws {
        guard let first = parts.first,
            parts.allSatisfy({
                $0.shape.rank == 2 && $0.shape[1] == first.shape[1] && $0.dtype == first.dtype && $0.dtype != .int32
            })
        else {
            throw TensorError(
                .invalidArgument, operation: "StoredWeight",
                "not matrices of one type for weights and of as many columns", shapes: parts.map(\.shape))
        }
        let shape: Shape = [parts.reduce(0) { $0 + $1.shape[0] }, first.shape[1]]
        guard (first.dtype == .int8) == (scales != nil), scales.map({ $0.count == shape[0] }) ?? true else {
            throw TensorError(
                .invalidArgument, operation: "StoredWeight", "int8 has one scale a row, and nothing else has scales",
                shapes: [shape])
        }
        self.parts = parts
        self.scales = scales
        self.shape = shape
        dtype = first.dtype
    }

    /// Row `index` as float32.
    package func row(_ index: Int) -> [Float] {
        var (part, row) = (0, index)
        while row >= parts[part].shape[0] { (part, row) = (part + 1, row - parts[part].shape[0]) }
        let byteCount = shape[1] * dtype.byteSize
        let start = parts[part].byteRange.lowerBound + row * byteCount
        let values = HostArray(
            shape: [shape[1]], dtype: dtype, memory: parts[part].memory, byteRange: start..<start + byteCount
        ).floats()
        guard let scale = scales?[index] else { return values }
        return values.map { $0 * scale }
    }

    /// Calls `body` with the address of each row, which need not be aligned.
    package func withUnsafeRows<Result>(_ body: ([UnsafeRawPointer]) throws -> Result) rethrows -> Result {
        try withUnsafeRows(parts[...], [], body)
    }

    private func withUnsafeRows<Result>(
        _ parts: ArraySlice<HostArray>, _ rows: [UnsafeRawPointer], _ body: ([UnsafeRawPointer]) throws -> Result
    ) rethrows -> Result {
        guard let part = parts.first else { return try body(rows) }
        return try part.withUnsafeBytes { bytes in
            let rowByteCount = shape[1] * dtype.byteSize
            let start = bytes.baseAddress
            let own = (0..<part.shape[0]).compactMap { row in start.map { $0 + row * rowByteCount } }
            return try withUnsafeRows(parts.dropFirst(), rows + own, body)
        }
    }

    /// Says that some rows won't be read again soon.
    package func discardResidentPages(of rows: Range<Int>) {
        let rowByteCount = shape[1] * dtype.byteSize
        var first = 0
        for part in parts {
            let own = rows.clamped(to: first..<first + part.shape[0])
            let start = part.byteRange.lowerBound - first * rowByteCount
            part.memory.discardResidentPages(
                in: start + own.lowerBound * rowByteCount..<start + own.upperBound * rowByteCount)
            first += part.shape[0]
        }
    }

    /// All parts as one array, without the scales: `[out, in]`.
    package func hostArray() -> HostArray {
        guard parts.count > 1 else { return parts[0] }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(shape.count * dtype.byteSize)
        for part in parts { part.withUnsafeBytes { bytes.append(contentsOf: $0) } }
        let byteCount = bytes.count
        return HostArray(shape: shape, dtype: dtype, memory: ArrayMemory(bytes), byteRange: 0..<byteCount)
    }

    /// All numbers as float32: `[out, in]`.
    package func dense(on backend: any Backend) throws -> Tensor {
        let tensors = try parts.map { part in
            let tensor = try Tensor(part, on: backend)
            part.memory.discardResidentPages(in: part.byteRange)
            return try tensor.converted(to: .float32)
        }
        let numbers = tensors.count == 1 ? tensors[0] : try Tensor.concatenated(tensors)
        guard let scales else { return numbers }
        return try numbers.multiplied(by: Tensor(scales, shape: [shape[0], 1], on: backend))
    }

    /// Brings it into a device's fastest form: the same as `dense` and `Tensor.prepared` give, but int8 prepared as
    /// int8 keeps its integers, and devices that can do so read the parts in place.
    /// - Parameter dtype: as in `Tensor.prepared`.
    public func prepared(as dtype: DType = .float32, on backend: any Backend) throws -> PreparedWeight {
        guard dtype != .int32 else {
            throw TensorError(.invalidArgument, operation: "prepare", "\(dtype) for weights", shapes: [shape])
        }
        return try backend.prepare(self, as: dtype)
    }
}

extension Backend {
    /// By way of a dense weight in float32.
    public func prepare(_ weight: StoredWeight, as dtype: DType) throws -> PreparedWeight {
        try prepareDense(weight, as: dtype)
    }

    /// What `prepare` does where the parts can't be read in place.
    package func prepareDense(_ weight: StoredWeight, as dtype: DType) throws -> PreparedWeight {
        // Integers times their scales are what int8 comes to; quantised again, the last bits would change.
        let isQuantized = weight.dtype == .int8 && dtype == .int8
        return try prepare(weight.dense(on: self), for: .linear, as: isQuantized ? .float32 : dtype)
    }
}
