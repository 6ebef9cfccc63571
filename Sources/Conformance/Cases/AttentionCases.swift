import TensorEngine

extension ConformanceCase {
    private static let ragged = Segments(offsets: [2, 5, 9, 9, 44], lengths: [3, 1, 0, 33, 6])

    static let attentionCases: [ConformanceCase] =
        [(1, 1), (3, 13), (2, 64), (1, 80), (1, 120), (2, 17), (5, 8)].map {
            attention(heads: $0, $1, ragged, rows: 52)
        }
        + [
            attention(heads: 2, 4, Segments(lengths: []), rows: 0),
            attention(heads: 2, 4, Segments(lengths: []), rows: 3),
            attention(heads: 1, 16, Segments(lengths: [1]), rows: 1),
            attention(heads: 1, 16, Segments(lengths: [15, 16, 17, 31, 32]), rows: 111),
            attention(heads: 1, 7, Segments(lengths: [67, 65]), rows: 132),
            attention(heads: 2, 8, Segments(lengths: [7, 9]), rows: 16, special: .nan),
            attention(heads: 2, 8, Segments(lengths: [7, 9]), rows: 16, special: 0),
            attention(heads: 2, 8, Segments(lengths: [7, 9]), rows: 16, valueScale: 1e30),
            attention(heads: 2, 24, ragged, rows: 52, as: .float16),
            attention(heads: 1, 80, ragged, rows: 52, as: .bfloat16),
            attention(heads: 2, 17, ragged, rows: 52, as: .bfloat16),
            attention(heads: 2, 8, Segments(lengths: [7, 9]), rows: 16, special: .nan, as: .bfloat16),
            attention(heads: 3, 13, Segments(lengths: [5, 0, 300]), rows: 305, as: .int8),
            attention(heads: 1, 80, ragged, rows: 52, as: .int8),
            attention(heads: 2, 64, Segments(lengths: [31, 33]), rows: 64, as: .int8),
            attention(heads: 2, 8, Segments(lengths: [7, 9]), rows: 16, special: .nan, as: .int8),
            attention(heads: 16, 64, Segments(lengths: [499]), rows: 499, .large),
            attention(heads: 16, 64, Segments(lengths: [499]), rows: 499, as: .bfloat16, .large),
            attention(heads: 16, 64, Segments(lengths: [499]), rows: 499, as: .int8, .large),
            // Parts enough for groups of more queries.
            attention(heads: 68, 8, Segments(lengths: [495, 17]), rows: 512, as: .bfloat16, .large),
            attention(heads: 16, 80, Segments(lengths: [499]), rows: 499, .large),
            attention(heads: 16, 120, Segments(lengths: [499]), rows: 499, .large),
            attention(
                heads: 16, 64, Segments(offsets: [0, 160, 300], lengths: [149, 99, 199]), rows: 499, .large),
        ]

    /// - Parameters:
    ///   - special: written into query, key and value of one head of one frame of the first segment.
    ///   - valueScale: the size of the values alone.
    ///   - type: what the factors may be rounded to. They need no rounding to bfloat16 or float16 then; for int8 keys
    ///     are others' opposites, so that their mean, which devices take off, is zero.
    private static func attention(
        heads: Int, _ headSize: Int, _ segments: Segments, rows: Int, special: Float? = nil, valueScale: Float = 1,
        as type: DType = .float32, _ size: Size = .small
    ) -> ConformanceCase {
        let width = heads * headSize
        var name = "\(segments.lengths) of \(rows) rows, \(heads) heads of \(headSize)"
        if let special { name += ", a frame of \(special)" }
        if valueScale != 1 { name += ", values of \(valueScale)" }
        if type != .float32 { name += ", factors of \(type)" }
        return ConformanceCase(
            "attention", name, size, multiplyAdds: 2 * width * segments.lengths.reduce(0) { $0 + $1 * $1 },
            tolerance: .attention(factors: type),
            definedRows: segments.rowIndices.map(Int.init)
        ) { random in
            // Scores of about ± 3 · 3, so that the weights are far from equal; with steps of int8 those would be off by
            // a tenth.
            var x = random.ragged(segments, rows: rows, columns: 3 * width, scale: type == .int8 ? 1 : 3)
            if type == .int8 { pairKeys(&x, segments, width: width) }
            if type != .float32 { x = x.map { ($0 * 16).rounded() / 16 } }
            if let special {
                for part in 0..<3 {
                    for channel in 0..<headSize { x[(2 * 3 + part) * width + channel] = special }
                }
            }
            for row in 0..<rows {
                for channel in 0..<width { x[(row * 3 + 2) * width + channel] *= valueScale }
            }
            return [HostArray(x, shape: [rows, 3 * width])]
        } bind: { operands in
            { try operands[0].attention(heads: heads, segments: segments, precision: type) }
        }
    }

    /// Makes every second key of a segment the opposite of the one before, and the last of an odd number zero.
    private static func pairKeys(_ x: inout [Float], _ segments: Segments, width: Int) {
        for segment in (0..<segments.count).map({ segments[$0] }) {
            for row in segment {
                let isSecond = (row - segment.lowerBound) % 2 == 1
                guard isSecond || row + 1 == segment.upperBound else { continue }
                for key in row * 3 * width + width..<row * 3 * width + 2 * width {
                    x[key] = isSecond ? -x[key - 3 * width] : 0
                }
            }
        }
    }
}
