import TensorEngine

extension GPUBackend {
    /// A group a row.
    private func launchRows(_ name: String, count: Int, _ arguments: [KernelArgument]) throws {
        try launch(shape.rows, name, groups: (count, 1, 1), threads: shape.groupSize, arguments)
    }

    public func layerNorm(_ x: Tensor, _ norm: Normalization, activation: UnaryKind?, into result: Tensor) throws {
        try layerNorm(x, rows: x.shape.rows, norm, activation: activation, into: result)
    }

    /// The first rows alone. The result may be `x` itself.
    func layerNorm(
        _ x: Tensor, rows: Int, _ norm: Normalization, activation: UnaryKind?, into result: Tensor
    ) throws {
        let columns = x.shape.columns
        guard columns > 0 else { return }
        try launchRows(
            "layer_norm", count: rows,
            [
                .buffer(x), .buffer(norm.gain), .buffer(norm.bias), .buffer(result), .int(columns),
                .float(norm.epsilon), .int(activation.code),
            ])
    }

    public func softmax(_ x: Tensor, logarithm: Bool, into result: Tensor) throws {
        guard x.shape.columns > 0 else { return }
        try launchRows(
            "softmax", count: x.shape.rows,
            [.buffer(x), .buffer(result), .int(x.shape.columns), .int(logarithm ? 1 : 0)])
    }

    public func reduce(_ kind: ReduceKind, _ x: Tensor, into result: Tensor) throws {
        try launchRows(
            "reduce", count: result.shape.count,
            [.int(kind.code), .buffer(x), .buffer(result), .int(x.shape.columns)])
    }

    public func argmax(_ x: Tensor, into result: Tensor) throws {
        try launchRows("argmax", count: result.shape.count, [.buffer(x), .buffer(result), .int(x.shape.columns)])
    }

    /// Two passes over each segment: a channel's values may be large beside their spread.
    public func channelNorm(
        _ x: Tensor, segments: Segments, _ norm: Normalization, activation: UnaryKind?, into result: Tensor
    ) throws {
        let columns = x.shape.columns
        let parts = NormParts(segments)
        let partTable = try table(.normParts(segments)) { parts.parts }
        let rangeTable = try table(.normRanges(segments)) { parts.ranges }
        let channelGroups = ceil(columns, shape.groupSize * shape.lanes)
        if segments.validRowCount < x.shape.rows { try fill(0, into: result) }
        let partial = try scratch(floats: parts.partCount * columns)
        func statistics(around means: Storage?) throws -> Storage {
            let result = try scratch(floats: segments.count * columns)
            try launch(
                shape.rows, "part_sums", groups: (parts.partCount, channelGroups, 1), threads: shape.groupSize,
                [.buffer(x), .buffer(partTable), .buffer(means), .buffer(partial), .int(columns)])
            try launch(
                shape.rows, "part_means", groups: (segments.count, channelGroups, 1), threads: shape.groupSize,
                [.buffer(partial), .buffer(rangeTable), .buffer(result), .int(columns)])
            return result
        }
        let means = try statistics(around: nil)
        let variances = try statistics(around: means)
        try launch(
            shape.rows, "channel_norm", groups: (parts.partCount, channelGroups, 1), threads: shape.groupSize,
            [
                .buffer(x), .buffer(partTable), .buffer(means), .buffer(variances), .buffer(norm.gain),
                .buffer(norm.bias), .buffer(result), .int(columns), .float(norm.epsilon), .int(activation.code),
            ])
    }
}

/// Segments cut into parts of few rows, so that sums stay exact and all of a device works.
private struct NormParts {
    static let partRows = 128
    /// First row, row count, segment.
    private(set) var parts: [Int32] = []
    /// First part, part count, row count.
    private(set) var ranges: [Int32] = []

    var partCount: Int { parts.count / 3 }

    init(_ segments: Segments) {
        for index in 0..<segments.count {
            let segment = segments[index]
            let first = partCount
            for row in stride(from: segment.lowerBound, to: segment.upperBound, by: Self.partRows) {
                parts += [Int32(row), Int32(min(Self.partRows, segment.upperBound - row)), Int32(index)]
            }
            ranges += [Int32(first), Int32(partCount - first), Int32(segment.count)]
        }
    }
}
