import TensorEngine

/// Statistics over the frames of each utterance, in a number of operations that doesn't depend on theirs.
extension Tensor {
    /// `[rows, channels]` → `[segments, channels]`. Empty segments give NaN.
    func mean(over segments: Segments) throws -> Tensor {
        try sum(over: segments).multiplied(by: Self.reciprocals(segments.lengths, on: backend))
    }

    /// Means and standard deviations, unbiased: `√(Σ (x - mean)² / (n - 1))`; both `[segments, channels]`.
    func statistics(over segments: Segments) throws -> (mean: Tensor, deviation: Tensor) {
        let mean = try mean(over: segments)
        let owners = (0..<segments.count).flatMap { [Int32](repeating: Int32($0), count: segments.lengths[$0]) }
        let squares = try gathered(rows: segments.rowIndices)
            .binary(.subtract, mean.gathered(rows: owners)).unary(.square)  // [valid rows, channels]
        let deviation = try squares.sum(over: Segments(lengths: segments.lengths))
            .multiplied(by: Self.reciprocals(segments.lengths.map { $0 - 1 }, on: backend)).unary(.squareRoot)
        return (mean, deviation)
    }

    /// Rows are summed in blocks first: in parallel, and without the error of one long sum.
    private func sum(over segments: Segments) throws -> Tensor {
        let size = 64
        var (rows, owners): ([Int32], [Int32]) = ([], [])
        for index in 0..<segments.count {
            let blocks = (segments.lengths[index] + size - 1) / size
            rows += segments[index].map(Int32.init)
            rows += [Int32](repeating: -1, count: blocks * size - segments.lengths[index])
            owners += [Int32](repeating: Int32(index), count: blocks)
        }
        let channels = shape[1]
        return try gathered(rows: rows)
            .reshaped([owners.count, size, channels])
            .permuted([0, 2, 1])  // [blocks, channels, rows]
            .reduced(.sum)
            .reshaped([owners.count, channels])
            .scatteredAdding(toRows: owners, of: segments.count)
    }

    private static func reciprocals(_ counts: [Int], on backend: any Backend) throws -> Tensor {
        try Tensor(counts.map { 1 / Float($0) }, shape: [counts.count, 1], on: backend)
    }
}
