import TensorEngine

extension ConformanceCase {
    static let movementCases = permuteCases + gatherCases + concatenateCases

    private static let permuteCases: [ConformanceCase] =
        ([[7], [33, 65], [3, 5, 17], [2, 3, 5, 7]] as [Shape]).flatMap { shape in
            orders(of: Array(0..<shape.rank)).map { permute(shape, $0) }
        } + [
            permute([0, 5], [1, 0]), permute([3, 0, 2], [2, 0, 1]), permute([1, 1, 1, 1], [3, 1, 0, 2]),
            permute([499, 16, 64], [1, 0, 2], .large), permute([499, 1024], [1, 0], .large),
        ]

    private static func orders(of axes: [Int]) -> [[Int]] {
        guard let first = axes.first else { return [[]] }
        return orders(of: Array(axes.dropFirst())).flatMap { order in
            (0...order.count).map { Array(order[..<$0]) + [first] + Array(order[$0...]) }
        }
    }

    private static func permute(_ shape: Shape, _ axes: [Int], _ size: Size = .small) -> ConformanceCase {
        ConformanceCase("permute", "\(shape) by \(axes)", size, tolerance: .exact) { random in
            [random.array(shape)]
        } bind: { operands in
            { try operands[0].permuted(axes) }
        }
    }

    private static let gatherCases: [ConformanceCase] =
        [[0, 3, 4], [5, 0, 4], [1, 1, 1], [7, 20, 33], [50, 17, 513]].flatMap { sizes in
            let (rows, count, columns) = (sizes[0], sizes[1], sizes[2])
            return [gather(rows: rows, count: count, columns), scatterAdd(rows: rows, count: count, columns)]
        } + [gather(rows: 499, count: 512, 1024, .large)]

    /// With repeats and -1.
    private static func indices(_ count: Int, rows: Int, seed: Int) -> [Int32] {
        var random = RandomSource(seed: UInt64(seed))
        return (0..<count).map { _ in Int32(random.next() % UInt64(rows + 1)) - 1 }
    }

    private static func gather(rows: Int, count: Int, _ columns: Int, _ size: Size = .small) -> ConformanceCase {
        let indices = indices(count, rows: rows, seed: rows)
        return ConformanceCase("gather", "\(count) of \(rows) rows of \(columns)", size, tolerance: .exact) { random in
            [random.array([rows, columns])]
        } bind: { operands in
            { try operands[0].gathered(rows: indices) }
        }
    }

    private static let concatenateCases: [ConformanceCase] = [
        concatenate([[3, 5]]), concatenate([[1, 7], [0, 7], [4, 7]]), concatenate([[2], [3]]),
        concatenate([[33, 17, 2], [1, 17, 2], [5, 17, 2]]), concatenate([[0, 3], [0, 3]]),
    ]

    private static func concatenate(_ shapes: [Shape]) -> ConformanceCase {
        ConformanceCase("concatenate", "\(shapes)", tolerance: .exact) { random in
            shapes.map { random.array($0) }
        } bind: { operands in
            { try Tensor.concatenated(operands) }
        }
    }

    private static func scatterAdd(rows: Int, count: Int, _ columns: Int) -> ConformanceCase {
        let indices = indices(count, rows: rows, seed: rows + 1)
        return ConformanceCase(
            "scatterAdd", "\(count) to \(rows) rows of \(columns)", tolerance: .product(depth: max(count, 1))
        ) { random in
            [random.array([count, columns])]
        } bind: { operands in
            { try operands[0].scatteredAdding(toRows: indices, of: rows) }
        }
    }
}
