import TensorEngine

extension GPUBackend {
    public func attention(
        _ queryKeyValue: Tensor, heads: Int, segments: Segments, precision: DType, into result: Tensor
    ) throws {
        counters.add(.attentions)
        let size = result.shape[1] / heads
        guard size > 0 else { return }
        let usesTensorCores = shape.usesTensorCores && precision != .float32 && size.isMultiple(of: 8)
        let queries =
            usesTensorCores
            ? KernelShape.tensorQueries(
                rows: result.shape[0], heads: heads, headSize: size,
                computeUnitCount: driver.properties.computeUnitCount)
            : shape.attentionQueries(headSize: size)
        // As many groups for all lengths where groups are cheap, so that a graph serves for others.
        let rows = isPacked ? nil : queryKeyValue.shape[0]
        let parts = AttentionParts(segments, queries: queries, panel: shape.panel, rows: rows)
        let partTable = try table(.attentionParts(queries: queries, panel: shape.panel, rows: rows), of: segments)
        let common: [KernelArgument] = [.buffer(queryKeyValue), .buffer(partTable)]
        let sizes: [KernelArgument] = [.int(heads), .float(1 / Float(size).squareRoot())]
        let isWidened = result.dtype != .float32 && !(usesTensorCores && result.dtype == precision)
        let target = try isWidened ? scratch(floats: result.shape.count) : result.storage
        let program = shape.attention(headSize: size)
        switch shape.product {
        case _ where usesTensorCores:
            try launch(
                KernelShape.tensorAttention(precision, headSize: size, queries: queries), "attention",
                groups: (parts.count, heads, 1), threads: 2 * queries,
                common + [.buffer(target), .int(isWidened ? 0 : result.dtype.weightCode)] + sizes)
        case .tiled:
            try launch(
                program, "attention", groups: (parts.count, heads, 1),
                threads: KernelShape.tiledQueries * KernelShape.threadsPerQuery, common + [.buffer(target)] + sizes)
        case .wide:
            let segmentTable = try table(.packedSegments(panel: shape.panel), of: segments)
            let keyPanels = try scratch(floats: parts.paddedKeyCount * heads * size)
            let valuePanels = try scratch(floats: parts.paddedKeyCount * heads * ceil(size, shape.panel) * shape.panel)
            try launch(
                program, "pack_heads", groups: (segments.count, heads, 1),
                [
                    .buffer(queryKeyValue), .buffer(segmentTable), .buffer(keyPanels), .buffer(valuePanels),
                    .int(heads),
                ])
            try launch(
                program, "attention", groups: (parts.count, heads, 1),
                common + [.buffer(keyPanels), .buffer(valuePanels), .buffer(target)] + sizes)
        }
        guard isWidened else { return }
        try convertInRange(target, .float32, into: result.storage, result.dtype, count: result.shape.count)
    }
}

/// Segments cut into runs of queries.
struct AttentionParts {
    /// A segment's first row, its row count, the part's first query, its query count, where the segment's keys begin
    /// among all keys when each segment's are rounded up to whole panels.
    static let fields = 5
    private(set) var numbers: [Int32] = []
    let paddedKeyCount: Int

    var count: Int { numbers.count / Self.fields }

    /// - Parameter rows: of all; there are parts then for any lengths of as many segments, the last ones empty.
    init(_ segments: Segments, queries: Int, panel: Int, rows: Int? = nil) {
        let offsets = Self.paddedOffsets(segments, panel: panel)
        for index in 0..<segments.count {
            let length = segments.lengths[index]
            for first in stride(from: 0, to: length, by: queries) {
                numbers += [segments.offsets[index], length, first, min(queries, length - first), offsets[index]]
                    .map(Int32.init)
            }
        }
        paddedKeyCount = offsets[segments.count]
        let most = rows.map { $0 / queries + segments.count } ?? count
        numbers += [Int32](repeating: 0, count: max(0, most - count) * Self.fields)
    }

    /// A segment's first row, its row count, where its keys begin.
    static func packedSegments(_ segments: Segments, panel: Int) -> [Int32] {
        let offsets = paddedOffsets(segments, panel: panel)
        return (0..<segments.count).flatMap { index in
            [segments.offsets[index], segments.lengths[index], offsets[index]].map(Int32.init)
        }
    }

    /// One more than there are segments.
    private static func paddedOffsets(_ segments: Segments, panel: Int) -> [Int] {
        segments.lengths.reduce(into: [0]) { offsets, length in
            offsets.append((offsets.last ?? 0) + (length + panel - 1) / panel * panel)
        }
    }
}
