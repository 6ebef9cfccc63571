extension Tensor {
    /// Multi-head attention of queries `[queries, width]` over listed rows of keys and values `[rows, 2 · width]`, keys
    /// first: `softmax(q·Kᵀ / √size) · V` a head → `[queries, width]`.
    ///
    /// One operation for a decoder's self-attention, whose lists are what each hypothesis has said, and for its
    /// attention to the encoder, whose lists are the frames of the query's utterance.
    public func rowAttention(
        _ keyValues: Tensor, rows: AttendedRows, rowCount: Int? = nil, heads: Int
    ) throws -> Tensor {
        try requireFloat32("rowAttention")
        try keyValues.requireFloat32("rowAttention")
        try backend.check(keyValues, rows.rows, rows.starts, operation: "rowAttention")
        guard shape.rank == 2, heads > 0, shape[1] % heads == 0, keyValues.shape.rank == 2,
            keyValues.shape[1] == 2 * shape[1], rows.lists.count == shape[0],
            rows.validate(rowCount: min(rowCount ?? .max, keyValues.shape[0]))
        else {
            throw TensorError(
                .invalidArgument, operation: "rowAttention", "sizes, heads or row numbers don't fit",
                shapes: [shape, keyValues.shape, [rows.lists.count]], device: backend.device)
        }
        let result = try Tensor.uninitialized(shape, on: backend)
        try backend.rowAttention(self, keyValues, rows: rows, heads: heads, into: result)
        return result
    }
}

extension Backend {
    /// Each query on its own, its rows copied out.
    public func rowAttention(
        _ query: Tensor, _ keyValues: Tensor, rows: AttendedRows, heads: Int, into result: Tensor
    ) throws {
        counters.add(.defaultBodies)
        let width = query.shape[1]
        let size = width / heads
        guard width > 0, !rows.lists.isEmpty else { return }
        let scale = try Tensor([1 / Float(size).squareRoot()], shape: [1], on: self)
        let scaled = try query.multiplied(by: scale)
        let attended = try rows.lists.enumerated().map { index, list in
            let parts = try keyValues.gathered(rows: list).reshaped([list.count, 2, heads, size])
                .permuted([1, 2, 0, 3]).reshaped([2, heads * list.count * size])
            let (k, v) = try (
                parts.gathered(rows: [0]).reshaped([heads, list.count, size]),
                parts.gathered(rows: [1]).reshaped([heads, list.count, size])
            )
            let q = try scaled.gathered(rows: [Int32(index)]).reshaped([heads, 1, size])
            let weights = try q.matmul(k, transposed: true).softmax()  // [heads, 1, rows]
            return try weights.matmul(v).reshaped([1, width])
        }
        try concatenate(attended, into: result)
    }
}
