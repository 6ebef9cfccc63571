extension Tensor {
    /// The positional convolution: `activation(bias + Σⱼ W[g, o, j, c] · x[t + j - ⌊kernel / 2⌋, c])` with
    /// stride 1, zeros beyond each segment's ends, and channels in groups: `[rows, channels]` → `[rows, channels]`.
    ///
    /// The weight is `[groups, out / groups, kernel · in / groups]`. An even kernel has one more tap before than after,
    /// which is Hugging Face's padding of `kernel / 2` with the last frame dropped. Rows outside the segments are
    /// undefined.
    public func groupedConvolution(
        _ weight: PreparedWeight, bias: Tensor?, segments: Segments, activation: UnaryKind? = nil
    ) throws -> Tensor {
        try requireFloat32("groupedConvolution")
        try backend.check(weight.tensor, bias, operation: "groupedConvolution")
        try segments.validate(rows: shape.rows, operation: "groupedConvolution")
        let groups = weight.shape[0]
        guard weight.use == .grouped, shape.rank == 2, groups > 0, weight.shape[1] * groups == shape[1],
            weight.shape[1] > 0, weight.shape[2] % weight.shape[1] == 0,
            bias.map({ $0.shape == [shape[1]] }) ?? true
        else {
            throw TensorError(
                .invalidArgument, operation: "groupedConvolution", "sizes don't fit",
                shapes: [shape, weight.shape] + [bias].compactMap { $0?.shape }, device: backend.device)
        }
        let result = try Tensor.uninitialized(shape, on: backend)
        try backend.groupedConvolution(
            self, weight, bias: bias, segments: segments, activation: activation, into: result)
        return result
    }
}

extension Backend {
    /// Copies every window of every group out and multiplies as a batch of groups.
    public func groupedConvolution(
        _ x: Tensor, _ weight: PreparedWeight, bias: Tensor?, segments: Segments, activation: UnaryKind?,
        into result: Tensor
    ) throws {
        counters.add(.defaultBodies)
        let (groups, width) = (weight.shape[0], weight.shape[1])
        let (kernel, rows) = (weight.shape[2] / width, x.shape[0])
        var taps = [Int32](repeating: -1, count: rows * kernel)
        for index in 0..<segments.count {
            let segment = segments[index]
            for row in segment {
                for tap in 0..<kernel where segment.contains(row + tap - kernel / 2) {
                    taps[row * kernel + tap] = Int32(row + tap - kernel / 2)
                }
            }
        }
        let windows = try x.gathered(rows: taps).reshaped([rows, kernel, groups, width])
            .permuted([2, 0, 1, 3]).reshaped([groups, rows, kernel * width])
        let products = try windows.matmul(dense(weight), transposed: true)  // [groups, rows, width]
        var steps: [(Tensor, Tensor) throws -> Void] = []
        if let bias { steps.append { try self.binary(.add, $0, bias, into: $1) } }
        if let activation { steps.append { try self.unary(activation, $0, into: $1) } }
        try chain(steps, shape: result.shape, into: result) {
            try self.permute(products, axes: [1, 0, 2], into: $0.reshaped([rows, groups, width]))
        }
    }
}
