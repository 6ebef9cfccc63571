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
        let gapped = segments.gapped(kernel: kernel)
        let gappedRows = gapped.end + kernel - 1
        let sources = try table(.gappedRows(segments, kernel: kernel)) {
            var sources = [Int32](repeating: -1, count: gappedRows)
            for index in 0..<segments.count {
                for frame in 0..<segments.lengths[index] {
                    sources[gapped.offsets[index] + kernel / 2 + frame] = Int32(segments.offsets[index] + frame)
                }
            }
            return sources
        }
        let starts = try table(.gappedStarts(segments, rows: rows, kernel: kernel)) {
            var starts = [Int32](repeating: 0, count: rows)
            for index in 0..<segments.count {
                for frame in 0..<segments.lengths[index] {
                    starts[segments.offsets[index] + frame] = Int32(gapped.offsets[index] + frame)
                }
            }
            return starts
        }
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

extension Segments {
    /// The same utterances with room for a kernel's zeros around each.
    fileprivate func gapped(kernel: Int) -> Segments {
        Segments(
            offsets: lengths.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1 + kernel - 1) }.dropLast(),
            lengths: lengths)
    }
}
