extension Tensor {
    /// Multi-head self-attention inside each segment: `softmax(Q·Kᵀ / √size) · V` a head,
    /// `[rows, 3 · heads · size]` (queries, then keys, then values) → `[rows, heads · size]`.
    /// Rows outside the segments are undefined. Vaswani et al. 2017, equation 1.
    /// - Parameters:
    ///   - precision: what a device may round the factors of the products to, if that makes it faster; scores, softmax
    ///     and sums are float32. int8 means bytes of queries and keys, each with a scale of its own, keys less their
    ///     mean, and bfloat16 elsewhere.
    ///   - type: what the result is stored as.
    public func attention(
        heads: Int, segments: Segments, precision: DType = .float32, as type: DType = .float32
    ) throws -> Tensor {
        try requireFloat32("attention")
        try segments.validate(rows: shape.rows, operation: "attention")
        guard shape.rank == 2, heads > 0, shape[1] % (3 * heads) == 0 else {
            throw TensorError(
                .invalidArgument, operation: "attention", "not 3 × \(heads) heads", shapes: [shape],
                device: backend.device)
        }
        return try Tensor.stored([shape[0], shape[1] / 3], as: type, on: backend) { result in
            try backend.attention(self, heads: heads, segments: segments, precision: precision, into: result)
        }
    }
}

extension Backend {
    /// Each segment on its own, with the whole score matrix in memory.
    public func attention(
        _ queryKeyValue: Tensor, heads: Int, segments: Segments, precision: DType, into result: Tensor
    ) throws {
        counters.add(.defaultBodies)
        let (rows, width) = (result.shape[0], result.shape[1])
        let size = width / heads
        let scale = try Tensor([1 / Float(size).squareRoot()], shape: [1], on: self)
        var total = try Tensor.filled(0, shape: result.shape, on: self)
        for index in 0..<segments.count where segments.lengths[index] > 0 {
            let frames = segments.lengths[index]
            let indices = segments[index].map(Int32.init)
            let parts = try queryKeyValue.gathered(rows: indices).reshaped([frames, 3, heads, size])
                .permuted([1, 2, 0, 3]).reshaped([3, heads * frames * size])
            let (q, k, v) = try (
                parts.gathered(rows: [0]).reshaped([heads, frames, size]),
                parts.gathered(rows: [1]).reshaped([heads, frames, size]),
                parts.gathered(rows: [2]).reshaped([heads, frames, size])
            )
            let scores = try q.multiplied(by: scale).matmul(k, transposed: true).softmax()  // [heads, frames, frames]
            let mixed = try scores.matmul(v).permuted([1, 0, 2]).reshaped([frames, width])
            total = try total.adding(mixed.scatteredAdding(toRows: indices, of: rows))
        }
        try copy(total, into: result)
    }
}
