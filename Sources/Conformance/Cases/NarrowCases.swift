import TensorEngine

/// Results of 16 bits, and linear layers that read such.
extension ConformanceCase {
    static let narrowCases: [ConformanceCase] = [DType.bfloat16, .float16].flatMap { type in
        [
            layerNorm([5, 257], as: type), layerNorm([7, 96], as: type), layerNorm([499, 1024], as: type, .large),
            attention(heads: 2, 24, Segments(offsets: [2, 5, 9, 9], lengths: [3, 1, 0, 33]), rows: 44, as: type),
            attention(heads: 1, 17, Segments(lengths: [15, 16]), rows: 31, as: type),
            attention(heads: 16, 64, Segments(lengths: [499]), rows: 499, as: type, .large),
            // Rows of whole eights and others, and of more than a block.
            linear([7, 33, 19], as: type), linear([17, 48, 40], as: type), linear([3, 4104, 8], as: type),
            linear([499, 4096, 1024], as: type, .large), linear([499, 1024, 1024], activation: nil, as: type, .large),
        ]
    }

    private static func layerNorm(_ sizes: [Int], as type: DType, _ size: Size = .small) -> ConformanceCase {
        ConformanceCase(
            "layerNorm", "\(sizes[0]) × \(sizes[1]) into \(type)", size, tolerance: .norm.stored(as: type)
        ) { random in
            [random.array([sizes[0], sizes[1]])] + parameters(sizes[1], &random)
        } bind: { operands in
            let norm = Normalization(gain: operands[1], bias: operands[2], epsilon: 1e-5)
            return { try operands[0].layerNorm(norm, as: type) }
        }
    }

    private static func attention(
        heads: Int, _ headSize: Int, _ segments: Segments, rows: Int, as type: DType, _ size: Size = .small
    ) -> ConformanceCase {
        let width = heads * headSize
        return ConformanceCase(
            "attention", "\(segments.lengths) of \(rows) rows, \(heads) heads of \(headSize), into \(type)", size,
            multiplyAdds: 2 * width * segments.lengths.reduce(0) { $0 + $1 * $1 },
            tolerance: .attention(factors: type).stored(as: type), definedRows: segments.rowIndices.map(Int.init)
        ) { random in
            let x = random.ragged(segments, rows: rows, columns: 3 * width, scale: 3).map { ($0 * 16).rounded() / 16 }
            return [HostArray(x, shape: [rows, 3 * width])]
        } bind: { operands in
            { try operands[0].attention(heads: heads, segments: segments, precision: type, as: type) }
        }
    }

    private static func linear(
        _ sizes: [Int], activation: UnaryKind? = .gelu, as type: DType, _ size: Size = .small
    ) -> ConformanceCase {
        let (rows, columns, depth) = (sizes[0], sizes[1], sizes[2])
        let name = "\(rows) × \(depth) → \(columns), bias, " + (activation.map { "\($0), " } ?? "")
        return ConformanceCase(
            "linear", name + "\(type) throughout", size, multiplyAdds: rows * columns * depth,
            tolerance: .product(depth: depth, weights: type).stored(as: type, beforeActivation: true)
        ) { random in
            [
                random.array([rows, depth]), random.array([columns, depth]),
                random.array([columns], scale: 3, offset: 1),
            ]
        } bind: { operands in
            let (x, weight) = (try operands[0].converted(to: type), try operands[1].prepared(for: .linear, as: type))
            return { try x.linear(weight, bias: operands[2], activation: activation, as: type) }
        }
    }
}
