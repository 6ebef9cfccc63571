extension Tensor {
    /// Mean and population variance of each channel over the valid rows of each segment: `[rows, channels]` →
    /// `[2, segments, channels]`, all means before all variances. Zeros for a segment without rows.
    public func channelStatistics(segments: Segments) throws -> Tensor {
        try requireFloat32("channelStatistics")
        try segments.validate(rows: shape.rows, operation: "channelStatistics")
        let result = try Tensor.uninitialized([2, segments.count, shape.columns], on: backend)
        try backend.channelStatistics(self, segments: segments, into: result)
        return result
    }

    /// `activation(norm(x))` with the statistics of each channel over the valid rows of each segment:
    /// Hugging Face's `GroupNorm(num_groups: channels)`. Rows outside the segments become zeros.
    /// - Parameter statistics: those of segments of which these rows are a part, as `channelStatistics` gives them; by
    ///   default those of the rows themselves.
    public func channelNorm(
        _ norm: Normalization, segments: Segments, statistics: Tensor? = nil, activation: UnaryKind? = nil
    ) throws -> Tensor {
        try requireFloat32("channelNorm")
        try norm.validate(channels: shape.columns, operation: "channelNorm", on: backend)
        try segments.validate(rows: shape.rows, operation: "channelNorm")
        let statistics = try statistics ?? channelStatistics(segments: segments)
        try backend.check(statistics, operation: "channelNorm")
        guard statistics.shape == [2, segments.count, shape.columns] else {
            throw TensorError(
                .invalidArgument, operation: "channelNorm",
                "the statistics aren't those of \(segments.count) segments of these channels",
                shapes: [shape, statistics.shape], device: backend.device)
        }
        let result = try Tensor.uninitialized(shape, on: backend)
        try backend.channelNorm(
            self, segments: segments, statistics: statistics, norm, activation: activation, into: result)
        return result
    }
}

extension Backend {
    /// Each segment on its own, turned so that a channel is a row.
    public func channelStatistics(_ x: Tensor, segments: Segments, into result: Tensor) throws {
        counters.add(.defaultBodies)
        let channels = x.shape.columns
        var (means, variances): ([Tensor], [Tensor]) = ([], [])
        for index in 0..<segments.count {
            guard segments.lengths[index] > 0 else {
                means.append(try Tensor.filled(0, shape: [1, channels], on: self))
                variances.append(try Tensor.filled(0, shape: [1, channels], on: self))
                continue
            }
            let turned = try x.gathered(rows: segments[index].map(Int32.init)).permuted([1, 0])  // [channels, frames]
            let mean = try turned.reduced(.mean)  // [channels, 1]
            means.append(try mean.reshaped([1, channels]))
            variances.append(
                try turned.binary(.subtract, mean).unary(.square).reduced(.mean).reshaped([1, channels]))
        }
        guard segments.count > 0 else { return }
        try concatenate(means + variances, into: result.reshaped([2 * segments.count, channels]))
    }

    /// A mean and a deviation for each valid row, which is then put back to its place.
    public func channelNorm(
        _ x: Tensor, segments: Segments, statistics: Tensor, _ norm: Normalization, activation: UnaryKind?,
        into result: Tensor
    ) throws {
        counters.add(.defaultBodies)
        let table = try statistics.reshaped([2 * segments.count, x.shape.columns])
        let owners = (0..<segments.count).flatMap { [Int](repeating: $0, count: segments.lengths[$0]) }
        let means = try table.gathered(rows: owners.map(Int32.init))  // [valid rows, channels]
        let variances = try table.gathered(rows: owners.map { Int32($0 + segments.count) })  // [valid rows, channels]
        let epsilon = try Tensor([norm.epsilon], shape: [1], on: self)
        var normed = try x.gathered(rows: segments.rowIndices).binary(.subtract, means)
            .binary(.divide, variances.adding(epsilon).unary(.squareRoot))
            .multiplied(by: norm.gain).adding(norm.bias)
        if let activation { normed = try normed.unary(activation) }
        var places = [Int32](repeating: -1, count: x.shape.rows)
        for (place, row) in segments.rowIndices.enumerated() { places[Int(row)] = Int32(place) }
        try gather(normed, rows: Tensor(places, on: self), into: result)
    }
}
