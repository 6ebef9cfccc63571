extension Tensor {
    /// `activation(norm(x))` with the statistics of each channel over the valid rows of each segment:
    /// Hugging Face's `GroupNorm(num_groups: channels)`. Rows outside the segments become zeros.
    public func channelNorm(
        _ norm: Normalization, segments: Segments, activation: UnaryKind? = nil
    ) throws -> Tensor {
        try requireFloat32("channelNorm")
        try norm.validate(channels: shape.columns, operation: "channelNorm", on: backend)
        try segments.validate(rows: shape.rows, operation: "channelNorm")
        let result = try Tensor.uninitialized(shape, on: backend)
        try backend.channelNorm(self, segments: segments, norm, activation: activation, into: result)
        return result
    }
}

extension Backend {
    /// Each segment on its own, turned so that a channel is a row.
    public func channelNorm(
        _ x: Tensor, segments: Segments, _ norm: Normalization, activation: UnaryKind?, into result: Tensor
    ) throws {
        counters.add(.defaultBodies)
        let channels = x.shape.columns
        let epsilon = try Tensor([norm.epsilon], shape: [1], on: self)
        var total = try Tensor.filled(0, shape: x.shape, on: self)
        for index in 0..<segments.count where segments.lengths[index] > 0 {
            let rows = segments[index].map(Int32.init)
            let turned = try x.gathered(rows: rows).permuted([1, 0])  // [channels, frames]
            let centered = try turned.binary(.subtract, turned.reduced(.mean))
            let deviation = try centered.unary(.square).reduced(.mean).adding(epsilon).unary(.squareRoot)
            var normed = try centered.binary(.divide, deviation)
                .multiplied(by: norm.gain.reshaped([channels, 1]))
                .adding(norm.bias.reshaped([channels, 1]))
            if let activation { normed = try normed.unary(activation) }
            let frames = try normed.permuted([1, 0])  // [frames, channels]
            total = try total.adding(frames.scatteredAdding(toRows: rows, of: x.shape.rows))
        }
        try copy(total, into: result)
    }

    /// The same rows again.
    func copy(_ x: Tensor, into result: Tensor) throws {
        try gather(x, rows: Tensor((0..<x.shape.rows).map(Int32.init), on: self), into: result)
    }
}
