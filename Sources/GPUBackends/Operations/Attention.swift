import TensorEngine

extension GPUBackend {
    public func attention(_ queryKeyValue: Tensor, heads: Int, segments: Segments, into result: Tensor) throws {
        counters.add(.attentions)
        let size = result.shape[1] / heads
        guard size > 0 else { return }
        let scale = 1 / Float(size).squareRoot()
        let (program, queries) = shape.attentionProgram(headSize: size)
        switch shape.product {
        case .tiled:
            let parts = try parts(segments, queries: queries, panel: 1)
            try launch(
                program, "attention", groups: (parts.count, heads, 1), threads: queries * Self.threadsPerQuery,
                [.buffer(queryKeyValue), .buffer(parts.table), .buffer(result), .int(heads), .float(scale)])
        case .wide:
            let padded = ceil(size, panel) * panel
            let parts = try parts(segments, queries: queries, panel: panel)
            let packedSegments = try table(.packedSegments(segments)) {
                let offsets = AttentionParts.paddedOffsets(segments, panel: panel)
                return (0..<segments.count).flatMap { index in
                    [segments.offsets[index], segments.lengths[index], offsets[index]].map(Int32.init)
                }
            }
            let keyPanels = try scratch(floats: parts.paddedKeyCount * heads * size)
            let valuePanels = try scratch(floats: parts.paddedKeyCount * heads * padded)
            try launch(
                program, "pack_heads", groups: (segments.count, heads, 1),
                [
                    .buffer(queryKeyValue), .buffer(packedSegments), .buffer(keyPanels), .buffer(valuePanels),
                    .int(heads),
                ])
            try launch(
                program, "attention", groups: (parts.count, heads, 1),
                [
                    .buffer(queryKeyValue), .buffer(parts.table), .buffer(keyPanels), .buffer(valuePanels),
                    .buffer(result), .int(heads), .float(scale),
                ])
        }
    }

    /// `ROW_THREADS` of the kernel.
    private static let threadsPerQuery = 4

    private func parts(
        _ segments: Segments, queries: Int, panel: Int
    ) throws -> (table: Storage, count: Int, paddedKeyCount: Int) {
        let parts = AttentionParts(segments, queries: queries, panel: panel)
        return (
            try table(.attentionParts(segments, queries: queries)) { parts.numbers }, parts.count, parts.paddedKeyCount
        )
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

    init(_ segments: Segments, queries: Int, panel: Int) {
        let offsets = Self.paddedOffsets(segments, panel: panel)
        for index in 0..<segments.count {
            let length = segments.lengths[index]
            for first in stride(from: 0, to: length, by: queries) {
                numbers += [segments.offsets[index], length, first, min(queries, length - first), offsets[index]]
                    .map(Int32.init)
            }
        }
        paddedKeyCount = offsets[segments.count]
    }

    /// One more than there are segments.
    static func paddedOffsets(_ segments: Segments, panel: Int) -> [Int] {
        segments.lengths.reduce(into: [0]) { offsets, length in
            offsets.append((offsets.last ?? 0) + (length + panel - 1) / panel * panel)
        }
    }
}
