import TensorEngine

extension ConformanceCase {
    /// Rows, columns and depth around the tiles in use (6, 14, 16, 32, 256, 512, 1024), primes, one and none.
    private static let productSizes: [[Int]] = [
        [0, 5, 7], [5, 0, 7], [5, 7, 0], [1, 1, 1], [1, 17, 257], [2, 3, 5], [5, 15, 31], [6, 16, 32], [7, 17, 33],
        [13, 31, 255], [14, 32, 256], [15, 33, 257], [16, 64, 511], [29, 33, 512], [33, 257, 13], [31, 13, 513],
        [49, 65, 1031], [255, 7, 16], [257, 16, 2], [2, 511, 17], [3, 513, 6],
    ]

    static let matmulCases: [ConformanceCase] =
        [true, false].flatMap { transposed in
            productSizes.map { matmul(batch: nil, $0, transposed: transposed) }
                + [
                    matmul(batch: 0, [3, 4, 5], transposed: transposed),
                    matmul(batch: 1, [7, 17, 33], transposed: transposed),
                    matmul(batch: 3, [13, 31, 37], transposed: transposed),
                    matmul(batch: 5, [1, 2, 3], transposed: transposed),
                    matmul(batch: nil, [499, 1024, 1024], transposed: transposed, .large),
                ]
        } + [matmul(batch: 16, [499, 499, 64], transposed: true, .large)]

    private static func matmul(
        batch: Int?, _ sizes: [Int], transposed: Bool, _ size: Size = .small
    ) -> ConformanceCase {
        let (rows, columns, depth) = (sizes[0], sizes[1], sizes[2])
        let a = Shape([batch, rows, depth].compactMap { $0 })
        let b = Shape([batch, transposed ? columns : depth, transposed ? depth : columns].compactMap { $0 })
        return ConformanceCase(
            "matmul", "\(a) × \(b)\(transposed ? " transposed" : "")", size,
            multiplyAdds: (batch ?? 1) * rows * columns * depth, tolerance: .product(depth: depth)
        ) { random in
            [random.array(a), random.array(b)]
        } bind: { operands in
            { try operands[0].matmul(operands[1], transposed: transposed) }
        }
    }

    /// As many rows as a decoder's step has, each of which has a loop of its own.
    private static let fewRows = [
        [1, 33, 70], [2, 16, 19], [3, 31, 64], [4, 65, 33], [5, 257, 130], [6, 47, 257],
    ]

    private static func smallWeights(_ type: DType) -> [ConformanceCase] {
        productSizes.map { linear($0, as: type) } + [
            linear([17, 33, 70], bias: true, activation: .gelu, as: type),
            linear([29, 65, 513], residual: true, as: type),
            // Deeper than the deepest block.
            linear([15, 33, 2051], bias: true, activation: .gelu, residual: true, as: type),
            linear([499, 1024, 1024], as: type, .large), dense(type),
        ]
    }

    static let linearCases =
        productSizes.map { linear($0, bias: true) } + finishedLinears + shortLinears + specialLinears + largeLinears

    /// Every way of finishing a product.
    private static let finishedLinears: [ConformanceCase] =
        [false, true].flatMap { bias in
            [false, true].flatMap { residual in
                [nil, UnaryKind.gelu].map { linear([15, 37, 67], bias: bias, activation: $0, residual: residual) }
            }
        }
        + UnaryKind.allCases.filter { ![.logarithm, .squareRoot, .reciprocal, .gelu].contains($0) }
        .map { linear([7, 33, 19], bias: true, activation: $0, residual: true) }

    private static let shortLinears: [ConformanceCase] =
        [DType.bfloat16, .float16, .int8].flatMap(smallWeights)
        + [DType.float32, .bfloat16, .float16, .int8].flatMap { type in fewRows.map { linear($0, bias: true, as: type) }
        }
        + [linear([5, 4096, 1024], bias: true, activation: .relu, residual: true, as: .int8)]

    private static let specialLinears: [ConformanceCase] =
        // Infinity times int8 may be NaN: the whole row is rounded by one scale.
        [Float.nan, 1e30, 1e-38, 0].map { specialRow($0, as: .int8) }
        + [Float.nan, .infinity, 1e30].map { specialRow($0, as: .bfloat16) }
        + [specialRow(.nan), specialRow(.infinity), specialRow(1e30), specialRow(0), specialWeight, dense(.float32)]

    private static let largeLinears: [ConformanceCase] =
        [
            linear([499, 1024, 1024], bias: false, .large), linear([499, 1024, 1024], residual: true, .large),
            linear([499, 3072, 1024], bias: true, .large), linear([499, 4096, 1024], bias: true, .large),
            linear([499, 4096, 1024], bias: true, activation: .gelu, .large),
            linear([499, 1024, 4096], bias: true, .large), linear([499, 1024, 512], bias: true, .large),
            linear([499, 1024, 4096], bias: true, as: .int8, .large), linear([1, 1024, 1024], bias: true, .large),
            linear([49, 4096, 1024], bias: true, .large),
        ]
        // A decoder's step with five beams; the last reads 64 MiB of float32, more than most caches hold.
        + [DType.float32, .bfloat16, .int8].flatMap { type in
            [[5, 1024, 1024], [5, 4096, 1024], [5, 1024, 4096], [5, 16_384, 1024]].map { linear($0, as: type, .large) }
        }

    private static func linear(
        _ sizes: [Int], bias: Bool = false, activation: UnaryKind? = nil, residual: Bool = false,
        as type: DType = .float32, _ size: Size = .small
    ) -> ConformanceCase {
        let (rows, columns, depth) = (sizes[0], sizes[1], sizes[2])
        let weights = named(type)
        let extras = [bias ? "bias" : nil, activation?.rawValue, residual ? "residual" : nil, weights].compactMap { $0 }
        let product = Tolerance.product(depth: depth, weights: type)
        // An exponential turns the absolute error of its argument into a relative one.
        let tolerance = Tolerance(
            relativeToLargest: activation == nil ? product.relativeToLargest : 4 * product.relativeToLargest,
            relative: activation == .exponential ? 20 * product.relativeToLargest : 0, weights: type)
        let sums: (@Sendable ([HostArray]) -> [Double])? =
            activation == nil && type == .float32
            ? { @Sendable inputs in linearColumnSums(inputs, bias: bias, residual: residual) } : nil
        return ConformanceCase(
            "linear", (["\(rows) × \(depth) → \(columns)"] + extras).joined(separator: ", "), size,
            multiplyAdds: rows * columns * depth, tolerance: tolerance, columnSums: sums
        ) { random in
            var inputs = [random.array([rows, depth]), random.array([columns, depth])]
            if bias { inputs.append(random.array([columns], scale: 3, offset: 1)) }
            if residual { inputs.append(random.array([rows, columns], scale: 5)) }
            return inputs
        } bind: { operands in
            let weight = try operands[1].prepared(for: .linear, as: type)
            return {
                try operands[0].linear(
                    weight, bias: bias ? operands[2] : nil, activation: activation,
                    residual: residual ? operands.last : nil)
            }
        }
    }

    /// One row of special numbers, which must stay in its row whatever tile it shares with others.
    private static func specialRow(_ value: Float, as type: DType = .float32) -> ConformanceCase {
        let (rows, columns, depth, special) = (17, 33, 70, 9)
        return ConformanceCase(
            "linear", (["a row of \(value) among \(rows)"] + [named(type)].compactMap { $0 }).joined(separator: ", "),
            multiplyAdds: rows * columns * depth, tolerance: .product(depth: depth, weights: type)
        ) { random in
            var x = random.floats(rows * depth)
            for column in 0..<depth {
                let isPlaced = value.isFinite || column == 11
                if isPlaced { x[special * depth + column] = value * (value == 1e30 ? random.float() : 1) }
            }
            return [HostArray(x, shape: [rows, depth]), random.array([columns, depth], scale: 1)]
        } bind: { operands in
            let weight = try operands[1].prepared(for: .linear, as: type)
            return { try operands[0].linear(weight) }
        }
    }

    private static func named(_ weights: DType) -> String? { weights == .float32 ? nil : "\(weights) weights" }

    private static let specialWeight = ConformanceCase(
        "linear", "NaN in one weight row", multiplyAdds: 7 * 33 * 70, tolerance: .product(depth: 70)
    ) { random in
        var weight = random.floats(33 * 70)
        weight[20 * 70 + 69] = .nan
        return [random.array([7, 70]), HostArray(weight, shape: [33, 70])]
    } bind: { operands in
        let weight = try operands[1].prepared(for: .linear)
        return { try operands[0].linear(weight) }
    }

    /// With a row of zeros, whose int8 scale would be zero too.
    private static func dense(_ type: DType) -> ConformanceCase {
        ConformanceCase("prepare", "and back to dense, 33 × 70 as \(type)", tolerance: .weight(type)) { random in
            var weight = random.floats(33 * 70)
            for column in 0..<70 { weight[5 * 70 + column] = 0 }
            return [HostArray(weight, shape: [33, 70])]
        } bind: { operands in
            let weight = try operands[0].prepared(for: .linear, as: type)
            return { try operands[0].backend.dense(weight) }
        }
    }

    /// `Σₜ y[t, o] = W[o] · Σₜ x[t] + rows · bias[o] + Σₜ residual[t, o]`
    private static func linearColumnSums(_ inputs: [HostArray], bias: Bool, residual: Bool) -> [Double] {
        let (rows, depth) = (inputs[0].shape.rows, inputs[0].shape.columns)
        var sums = products(
            columnSums(inputs[0].floats(), columns: depth), inputs[1].floats(), outputs: inputs[1].shape[0])
        if bias {
            for (column, value) in inputs[2].floats().enumerated() { sums[column] += Double(rows) * Double(value) }
        }
        if residual, let last = inputs.last {
            for (column, sum) in columnSums(last.floats(), columns: sums.count).enumerated() { sums[column] += sum }
        }
        return sums
    }

    static func columnSums(_ x: [Float], columns: Int) -> [Double] {
        var sums = [Double](repeating: 0, count: columns)
        for start in stride(from: 0, to: x.count, by: max(columns, 1)) {
            for column in 0..<columns { sums[column] += Double(x[start + column]) }
        }
        return sums
    }

    /// `W · x` for a weight `[outputs, x.count]`.
    static func products(_ x: [Double], _ weight: [Float], outputs: Int) -> [Double] {
        (0..<outputs).map { output in
            var sum = 0.0
            for column in x.indices { sum += x[column] * Double(weight[output * x.count + column]) }
            return sum
        }
    }
}
