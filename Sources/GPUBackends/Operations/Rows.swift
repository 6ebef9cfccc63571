import TensorEngine

extension GPUBackend {
    /// A group a row.
    private func launchRows(_ name: String, count: Int, _ arguments: [KernelArgument]) throws {
        try launch(shape.rows, name, groups: (count, 1, 1), threads: shape.groupSize, arguments)
    }

    /// The result may be `x` itself.
    public func layerNorm(_ x: Tensor, _ norm: Normalization, activation: UnaryKind?, into result: Tensor) throws {
        let columns = x.shape.columns
        guard columns > 0 else { return }
        try launchRows(
            "layer_norm", count: x.shape.rows,
            [
                .buffer(x), .buffer(norm.gain), .buffer(norm.bias), .buffer(result), .int(result.dtype.weightCode),
                .int(columns), .float(norm.epsilon), .int(activation.code),
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
    public func channelStatistics(_ x: Tensor, segments: Segments, into result: Tensor) throws {
        let columns = x.shape.columns
        let parts = NormParts(segments)
        let partTable = try table(.normParts, of: segments)
        let rangeTable = try table(.normRanges, of: segments)
        let partial = try scratch(floats: parts.partCount * columns)
        for (means, firstRow) in [(nil, 0), (result, segments.count)] as [(Tensor?, Int)] {
            try launch(
                shape.rows, "part_sums", groups: (parts.partCount, channelGroups(columns), 1),
                threads: shape.groupSize,
                [.buffer(x), .buffer(partTable), .buffer(means), .buffer(partial), .int(columns)])
            try launch(
                shape.rows, "part_means", groups: (segments.count, channelGroups(columns), 1),
                threads: shape.groupSize,
                [.buffer(partial), .buffer(rangeTable), .buffer(result), .int(columns), .int(firstRow)])
        }
    }

    public func channelNorm(
        _ x: Tensor, segments: Segments, statistics: Tensor, _ norm: Normalization, activation: UnaryKind?,
        into result: Tensor
    ) throws {
        let columns = x.shape.columns
        let parts = NormParts(segments)
        let partTable = try table(.normParts, of: segments)
        if segments.validRowCount < x.shape.rows { try fill(0, into: result) }
        try launch(
            shape.rows, "channel_norm", groups: (parts.partCount, channelGroups(columns), 1),
            threads: shape.groupSize,
            [
                .buffer(x), .buffer(partTable), .buffer(statistics), .int(segments.count), .buffer(norm.gain),
                .buffer(norm.bias), .buffer(result), .int(columns), .float(norm.epsilon), .int(activation.code),
            ])
    }

    private func channelGroups(_ columns: Int) -> Int { ceil(columns, shape.groupSize * shape.lanes) }
}

/// Segments cut into parts of few rows, so that sums stay exact and all of a device works.
struct NormParts {
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
