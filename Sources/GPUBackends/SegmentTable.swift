import TensorEngine

/// Numbers about the utterances of a batch that kernels read, such as where each one lies.
struct SegmentTable: Hashable {
    enum Kind: Hashable {
        /// `AttentionParts.numbers`
        case attentionParts(queries: Int, panel: Int, rows: Int?)
        /// `AttentionParts.packedSegments`
        case packedSegments(panel: Int)
        /// The row that each row of a layout with gaps comes from, -1 for zeros.
        case gappedRows(kernel: Int)
        /// Where the window of each of so many rows begins in that layout.
        case gappedStarts(rows: Int, kernel: Int)
        /// `NormParts.parts`
        case normParts
        /// `NormParts.ranges`
        case normRanges
    }

    var segments: Segments
    var kind: Kind

    /// Whether there are as many numbers whatever the lengths of as many utterances over as many rows.
    var hasFixedCount: Bool {
        switch kind {
        case .attentionParts(_, _, let rows): rows != nil
        case .packedSegments, .gappedRows, .gappedStarts: true
        case .normParts, .normRanges: false
        }
    }

    var numbers: [Int32] {
        switch kind {
        case .attentionParts(let queries, let panel, let rows):
            AttentionParts(segments, queries: queries, panel: panel, rows: rows).numbers
        case .packedSegments(let panel): AttentionParts.packedSegments(segments, panel: panel)
        case .gappedRows(let kernel): gappedRows(kernel: kernel)
        case .gappedStarts(let rows, let kernel): gappedStarts(rows: rows, kernel: kernel)
        case .normParts: NormParts(segments).parts
        case .normRanges: NormParts(segments).ranges
        }
    }

    private func gappedRows(kernel: Int) -> [Int32] {
        let gapped = segments.gapped(kernel: kernel)
        var sources = [Int32](repeating: -1, count: gapped.end + kernel - 1)
        for index in 0..<segments.count {
            for frame in 0..<segments.lengths[index] {
                sources[gapped.offsets[index] + kernel / 2 + frame] = Int32(segments.offsets[index] + frame)
            }
        }
        return sources
    }

    private func gappedStarts(rows: Int, kernel: Int) -> [Int32] {
        let gapped = segments.gapped(kernel: kernel)
        var starts = [Int32](repeating: 0, count: rows)
        for index in 0..<segments.count {
            for frame in 0..<segments.lengths[index] {
                starts[segments.offsets[index] + frame] = Int32(gapped.offsets[index] + frame)
            }
        }
        return starts
    }
}

/// The tables that were used last, in device memory; every layer asks for the same ones.
struct RecentTables {
    private static let capacity = 24
    private var tables: [(table: SegmentTable, storage: Storage)] = []

    subscript(table: SegmentTable) -> Storage? {
        mutating get {
            guard let index = tables.firstIndex(where: { $0.table == table }) else { return nil }
            tables.append(tables.remove(at: index))
            return tables.last?.storage
        }
        set {
            tables.removeAll { $0.table == table }
            if let newValue { tables.append((table, newValue)) }
            if tables.count > Self.capacity { tables.removeFirst() }
        }
    }
}
