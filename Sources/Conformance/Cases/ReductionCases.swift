import TensorEngine

extension ConformanceCase {
    static let reductionCases: [ConformanceCase] =
        ReduceKind.allCases.flatMap { kind in
            [[0, 5], [3, 0], [1, 1], [7, 33], [5, 1031], [2, 4099]].map { reduce(kind, rows: $0[0], columns: $0[1]) }
                + [reduceEdges(kind)]
        } + [reduce(.sum, rows: 499, columns: 1024, .large)]
        + [[0, 5], [1, 1], [7, 33], [5, 1031]].map { argmax(rows: $0[0], columns: $0[1]) } + [argmaxEdges]

    private static func reduce(_ kind: ReduceKind, rows: Int, columns: Int, _ size: Size = .small) -> ConformanceCase {
        ConformanceCase(
            "reduce", "\(kind) of \(rows) × \(columns)", size,
            tolerance: kind == .maximum ? .exact : .product(depth: columns)
        ) { random in
            [random.array([rows, columns], scale: 3, offset: -1)]
        } bind: { operands in
            { try operands[0].reduced(kind) }
        }
    }

    /// Rows of 35 that are constant but for one special number, at every place that a vector loop treats apart.
    private static let edgeRows: HostArray = {
        let (columns, places) = (35, [0, 1, 15, 16, 31, 32, 34])
        var values: [Float] = []
        for special in [Float.nan, .infinity, -.infinity, -7, 1e30, 3] {
            for place in places {
                var row = [Float](repeating: 3, count: columns)
                row[place] = special
                values += row
            }
        }
        return HostArray(values, shape: [values.count / columns, columns])
    }()

    private static func reduceEdges(_ kind: ReduceKind) -> ConformanceCase {
        let tolerance = Tolerance(relativeToLargest: 0, relative: kind == .maximum ? 0 : 1e-6)
        return ConformanceCase("reduce", "\(kind) of edges", tolerance: tolerance) { _ in
            [edgeRows]
        } bind: { operands in
            { try operands[0].reduced(kind) }
        }
    }

    private static func argmax(rows: Int, columns: Int) -> ConformanceCase {
        ConformanceCase("argmax", "\(rows) × \(columns)", tolerance: .exact) { random in
            // Whole numbers, so that many are equal and the first must be found.
            let values = random.floats(rows * columns, scale: 9).map { $0.rounded() }
            return [HostArray(values, shape: [rows, columns])]
        } bind: { operands in
            { try operands[0].argmax() }
        }
    }

    private static let argmaxEdges = ConformanceCase("argmax", "edges", tolerance: .exact) { _ in
        let columns = 35
        var values = edgeRows.floats()
        values += [Float](repeating: -.infinity, count: columns)
        values += [Float](repeating: .nan, count: columns)
        values += (0..<columns).map { $0 == 20 ? .nan : $0 == 3 ? .infinity : $0 == 30 ? .nan : 0 }
        return [HostArray(values, shape: [values.count / columns, columns])]
    } bind: { operands in
        { try operands[0].argmax() }
    }
}
