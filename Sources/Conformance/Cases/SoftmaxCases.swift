import TensorEngine

extension ConformanceCase {
    static let softmaxCases: [ConformanceCase] = [false, true].flatMap { logarithm in
        [[0, 5], [5, 1], [1, 1], [7, 33], [5, 257], [3, 1031]].map { softmax($0, logarithm: logarithm) }
            + [softmaxEdges(logarithm: logarithm), softmax([499, 32], logarithm: logarithm, .large)]
            + [softmax([499, 1024], logarithm: logarithm, .large)]
            + [softmax([2, 70_001], logarithm: logarithm), softmaxLongEdges(logarithm: logarithm)]
    }

    private static func softmax(_ sizes: [Int], logarithm: Bool, _ size: Size = .small) -> ConformanceCase {
        ConformanceCase(
            "softmax", "\(sizes[0]) × \(sizes[1])\(logarithm ? ", logarithm" : "")", size, tolerance: .softmax
        ) { random in
            [random.array(Shape(sizes), scale: 12, offset: 5)]
        } bind: { operands in
            { logarithm ? try operands[0].logSoftmax() : try operands[0].softmax() }
        }
    }

    /// Rows all equal, with one huge number, with -∞ as masks have them, with a NaN, and with differences so large that
    /// exponentials vanish.
    private static func softmaxEdges(logarithm: Bool) -> ConformanceCase {
        // -10³⁰ among the logarithms would make the largest meaningless, so that row is for the plain softmax.
        let specials: [Float] = logarithm ? [0, -.infinity, .nan, -1000, 1000] : [0, -.infinity, .nan, -1e30, 1e30]
        return ConformanceCase("softmax", "edges\(logarithm ? ", logarithm" : "")", tolerance: .softmax) { random in
            var values: [Float] = []
            for special in specials {
                for place in [0, 16, 34] {
                    var row = random.floats(35)
                    row[place] = special
                    values += row
                }
            }
            values += [Float](repeating: 1e30, count: 35)
            values += [Float](repeating: 0x1p-133, count: 35)
            return [HostArray(values, shape: [values.count / 35, 35])]
        } bind: { operands in
            { logarithm ? try operands[0].logSoftmax() : try operands[0].softmax() }
        }
    }

    /// Rows that several threads share, each with a half of -∞, and one with a NaN.
    private static func softmaxLongEdges(logarithm: Bool) -> ConformanceCase {
        let name = "edges of long rows\(logarithm ? ", logarithm" : "")"
        return ConformanceCase("softmax", name, tolerance: .softmax) { random in
            let columns = 70_001
            var values = random.floats(3 * columns, scale: 5)
            for column in 0..<columns / 2 { values[column] = -.infinity }
            for column in columns / 2..<columns { values[columns + column] = -.infinity }
            values[3 * columns - 1] = .nan
            return [HostArray(values, shape: [3, columns])]
        } bind: { operands in
            { logarithm ? try operands[0].logSoftmax() : try operands[0].softmax() }
        }
    }
}
