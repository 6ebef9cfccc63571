import TensorEngine

extension ConformanceCase {
    /// Lists as a decoder has them: rows of a cache in any order, and stretches that queries share.
    static let rowAttentionCases: [ConformanceCase] =
        [(1, 1), (3, 13), (2, 64), (1, 80), (1, 120), (2, 17), (5, 8)].map {
            rowAttention(heads: $0, $1, ragged, rows: 40)
        }
        + [
            rowAttention(heads: 2, 4, [], rows: 1),
            rowAttention(heads: 1, 16, [[0]], rows: 1),
            rowAttention(heads: 2, 32, [longList(255), longList(256), longList(257), longList(530)], rows: 530),
            rowAttention(heads: 2, 24, ragged + ragged + ragged, rows: 40),
            rowAttention(heads: 2, 8, ragged, rows: 40, special: .nan),
            rowAttention(heads: 2, 8, ragged, rows: 40, special: 0),
            rowAttention(heads: 16, 64, Array(repeating: longList(499), count: 5), rows: 499, .large),
        ]

    static let appendCases: [ConformanceCase] = [
        append(1, at: 0, capacity: 1, columns: 1), append(3, at: 2, capacity: 5, columns: 7),
        append(5, at: 10, capacity: 30, columns: 66), append(5, at: 14, capacity: 19, columns: 33),
    ]

    private static let ragged: [[Int32]] = [
        [0, 2, 4], [1], [39, 0, 39, 7], Array(5..<22), Array(5..<22), Array((0..<40).reversed()),
    ]

    private static func longList(_ count: Int32) -> [Int32] { (0..<count).map { ($0 * 7) % count } }

    /// - Parameter special: written into the first channels of query 0 and of row 39, which query 2 sees twice.
    private static func rowAttention(
        heads: Int, _ headSize: Int, _ lists: [[Int32]], rows: Int, special: Float? = nil, _ size: Size = .small
    ) -> ConformanceCase {
        let width = heads * headSize
        let counts = lists.map(\.count)
        let name =
            "\(counts) of \(rows) rows, \(heads) heads of \(headSize)" + (special.map { ", rows of \($0)" } ?? "")
        return ConformanceCase(
            "rowAttention", name, size, multiplyAdds: 2 * width * counts.reduce(0, +), tolerance: .attention()
        ) { random in
            var query = random.floats(lists.count * width, scale: 3)
            var keyValues = random.floats(rows * 2 * width, scale: 3)
            if let special {
                for channel in 0..<headSize {
                    query[channel] = special
                    keyValues[39 * 2 * width + channel] = special
                    keyValues[(39 * 2 + 1) * width + channel] = special
                }
            }
            return [
                HostArray(query, shape: [lists.count, width]), HostArray(keyValues, shape: [rows, 2 * width]),
            ]
        } bind: { operands in
            let attended = try AttendedRows(lists, on: operands[0].backend)
            return { try operands[0].rowAttention(operands[1], rows: attended, heads: heads) }
        }
    }

    /// The whole cache after the rows were written: the others must stay.
    private static func append(_ count: Int, at row: Int, capacity: Int, columns: Int) -> ConformanceCase {
        ConformanceCase("append", "\(count) rows at \(row) of \(capacity), \(columns) columns", tolerance: .exact) {
            [$0.array([capacity, columns]), $0.array([count, columns])]
        } bind: { operands in
            {
                // A copy, since the second run needs the first one's operand.
                var cache = try Tensor.concatenated([operands[0]])
                try cache.backend.append(operands[1], at: row, of: &cache)
                return cache
            }
        }
    }
}
