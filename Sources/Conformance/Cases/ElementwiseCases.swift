import TensorEngine

extension ConformanceCase {
    static let elementwiseCases = fillCases + unaryCases + binaryCases

    private static let fillCases: [ConformanceCase] = [0, 1, 15, 1003].flatMap { count in
        [Float(-2.5), .nan, -.infinity].map { value in
            ConformanceCase("fill", "\(count) times \(value)", tolerance: .exact) { _ in
                [HostArray([Float](repeating: 1, count: count), shape: [count])]
            } bind: { operands in
                { try .filled(value, shape: operands[0].shape, on: operands[0].backend) }
            }
        }
    }

    private static let unaryCases: [ConformanceCase] =
        UnaryKind.allCases.flatMap { kind in
            [0, 1, 15, 1003].map { unary(kind, shape: [$0]) } + [unaryEdges(kind)]
        }
        + [unary(.gelu, shape: [499, 4096], .large), unary(.gelu, shape: [3199, 512], .large)]

    private static func unary(_ kind: UnaryKind, shape: Shape, _ size: Size = .small) -> ConformanceCase {
        let (scale, offset): (Float, Float) =
            switch kind {
            case .exponential: (40, 0)
            case .squareRoot, .logarithm: (50, 50.01)
            default: (9, 0)
            }
        return ConformanceCase("unary", "\(kind) of \(shape)", size, tolerance: unaryTolerance(kind)) { random in
            [random.array(shape, scale: scale, offset: offset)]
        } bind: { operands in
            { try operands[0].unary(kind) }
        }
    }

    private static func unaryTolerance(_ kind: UnaryKind) -> Tolerance {
        switch kind {
        case .negate, .absolute, .square, .relu: .exact
        case .squareRoot, .reciprocal, .leakyRelu: .quotient
        default: .function
        }
    }

    /// Zeros, large and subnormal numbers, infinities and NaN, as far as the formula defines them in float32.
    private static func unaryEdges(_ kind: UnaryKind) -> ConformanceCase {
        var values: [Float] = [0, -0.0, 1, -1, 1e-30, 1e30, .infinity, .nan]
        let subnormals: [Float] = [0x1p-133, -0x1p-133]
        switch kind {
        case .squareRoot, .logarithm: values += [-.infinity, -1e30]
        case .reciprocal: values += [-.infinity, -1e30]
        case .silu, .gelu, .geluTanh, .geluSigmoid: values += subnormals + [-1e30]  // -∞ · 0
        case .square: values += [-.infinity, -1e30]
        default: values += subnormals + [-.infinity, -1e30]
        }
        let edges = values
        let scale: Tolerance = unaryTolerance(kind)
        // The largest of these numbers says nothing about the others.
        let tolerance = Tolerance(relativeToLargest: 0, relative: max(scale.relative, 2e-7))
        return ConformanceCase("unary", "\(kind) of edges", tolerance: tolerance) { _ in
            [HostArray(edges, shape: [edges.count])]
        } bind: { operands in
            { try operands[0].unary(kind) }
        }
    }

    private static let binaryCases: [ConformanceCase] = BinaryKind.allCases.flatMap { kind in
        [[0, 5], [5, 0], [1, 1], [7, 33], [13, 257], [3, 45], [2, 31], [4, 12]].flatMap {
            binary(kind, rows: $0[0], columns: $0[1])
        }
            + [binaryEdges(kind)]
    }

    private static func binary(_ kind: BinaryKind, rows: Int, columns: Int) -> [ConformanceCase] {
        let spreads: [(String, Shape)] = [
            ("matrix", [rows, columns]), ("row", [columns]), ("column", [rows, 1]), ("number", [1]),
        ]
        return spreads.map { spread, other in
            ConformanceCase(
                "binary", "\(kind) of \(rows) × \(columns) and a \(spread)",
                tolerance: kind == .divide ? .quotient : .exact
            ) { random in
                [random.array([rows, columns], scale: 9), random.array(other, scale: 4, offset: 6)]
            } bind: { operands in
                { try operands[0].binary(kind, operands[1]) }
            }
        }
    }

    private static func binaryEdges(_ kind: BinaryKind) -> ConformanceCase {
        let values: [Float] = [0, 1, -1, 1e30, -1e30, .infinity, -.infinity, .nan]
        let pairs = values.flatMap { a in values.map { (a, $0) } }
        return ConformanceCase("binary", "\(kind) of edges", tolerance: kind == .divide ? .quotient : .exact) { _ in
            [HostArray(pairs.map(\.0), shape: [pairs.count]), HostArray(pairs.map(\.1), shape: [pairs.count])]
        } bind: { operands in
            { try operands[0].binary(kind, operands[1]) }
        }
    }
}
