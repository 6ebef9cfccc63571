import TensorEngine

extension GPUBackend {
    /// Laid out as `[group, frames with gaps of zeros, channels / groups]`, the windows of a group overlap
    /// contiguously: one product over a view, a batch a group, for all utterances.
    public func groupedConvolution(
        _ x: Tensor, _ weight: PreparedWeight, bias: Tensor?, segments: Segments, activation: UnaryKind?,
        into result: Tensor
    ) throws {
        let (groups, width) = (weight.shape[0], weight.shape[1])
        let (rows, kernel) = (x.shape[0], weight.shape[2] / width)
        let gappedRows = segments.gapped(kernel: kernel).end + kernel - 1
        let sources = try table(.gappedRows(kernel: kernel), of: segments)
        let starts = try table(.gappedStarts(rows: rows, kernel: kernel), of: segments)
        let layout = try scratch(floats: groups * gappedRows * width)
        try launch(
            shape.movement, "spread", groups: (gappedRows, groups, 1), threads: min(shape.groupSize, 64),
            [.buffer(x), .buffer(sources), .buffer(layout), .int(gappedRows), .int(width)])
        try multiply(
            Product(
                a: layout, starts: starts, rowStride: width, batchStride: gappedRows * width,
                weight: weight.tensor.storage, weightType: weight.tensor.dtype, scales: weight.scales, bias: bias,
                c: result.storage, cRowStride: groups * width, cBatchStride: width, m: rows, n: width,
                depth: kernel * width, batches: groups, activation: activation))
    }
}
