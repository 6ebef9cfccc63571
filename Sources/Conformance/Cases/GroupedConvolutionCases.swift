import TensorEngine

extension ConformanceCase {
    private static let ragged = Segments(offsets: [2, 5, 9, 9, 24], lengths: [3, 1, 0, 13, 6])

    static let groupedConvolutionCases: [ConformanceCase] =
        [(1, 1, 1), (1, 3, 3), (2, 4, 4), (3, 5, 7), (4, 16, 8), (2, 33, 5), (16, 4, 128), (2, 6, 19)].flatMap {
            groups, width, kernel in
            [
                grouped(groups, width, kernel, ragged, rows: 32),
                grouped(groups, width, kernel, ragged, rows: 32, bias: true, activation: .gelu),
            ]
        } + [
            grouped(2, 4, 4, Segments(lengths: []), rows: 0), grouped(2, 4, 4, Segments(lengths: []), rows: 3),
            grouped(2, 4, 4, Segments(lengths: [1]), rows: 1), grouped(3, 5, 8, Segments(lengths: [17]), rows: 17),
            grouped(2, 4, 7, Segments(lengths: [6, 14, 15]), rows: 35),
            grouped(3, 4, 5, Segments(lengths: [7, 8]), rows: 15, hasNaN: true),
            grouped(3, 17, 6, ragged, rows: 32, bias: true, as: .bfloat16),
            grouped(3, 17, 6, ragged, rows: 32, bias: true, as: .float16),
            grouped(3, 17, 6, ragged, rows: 32, bias: true, as: .int8),
            grouped(16, 64, 128, Segments(lengths: [499]), rows: 499, bias: true, .large),
            grouped(
                16, 64, 128, Segments(offsets: [0, 160, 300], lengths: [149, 99, 199]), rows: 499, bias: true,
                activation: .gelu, .large),
            grouped(16, 48, 128, Segments(lengths: [99]), rows: 99, bias: true, activation: .gelu, .large),
            grouped(16, 120, 128, Segments(lengths: [49]), rows: 49, bias: true, activation: .gelu, .large),
            grouped(2, 8, 6, ragged, rows: 32, bias: true, as: .bfloat16),
            grouped(16, 80, 128, Segments(lengths: [99]), rows: 99, bias: true, as: .bfloat16, .large),
        ]

    private static func grouped(
        _ groups: Int, _ width: Int, _ kernel: Int, _ segments: Segments, rows: Int, bias: Bool = false,
        activation: UnaryKind? = nil, hasNaN: Bool = false, as type: DType = .float32, _ size: Size = .small
    ) -> ConformanceCase {
        let (channels, depth) = (groups * width, kernel * width)
        var name = "\(segments.lengths) of \(rows) rows, kernel \(kernel), \(groups) groups of \(width)"
        if bias { name += ", bias" }
        if let activation { name += ", \(activation)" }
        if type != .float32 { name += ", \(type) weights" }
        if hasNaN { name += ", NaN in a segment" }
        let product = Tolerance.product(depth: depth, weights: type)
        let sums: (@Sendable ([HostArray]) -> [Double])? =
            activation == nil && type == .float32 && segments.lengths == [rows]
            ? { @Sendable inputs in groupedColumnSums(inputs, groups: groups, width: width, bias: bias) } : nil
        return ConformanceCase(
            "groupedConvolution", name, size, multiplyAdds: segments.validRowCount * channels * depth,
            tolerance: product,
            definedRows: segments.rowIndices.map(Int.init), columnSums: sums
        ) { random in
            var x = random.ragged(segments, rows: rows, columns: channels)
            // In the last row of the first segment: only the border keeps it out of the second.
            if hasNaN { x[(segments[0].upperBound - 1) * channels + width] = .nan }
            return [
                HostArray(x, shape: [rows, channels]), random.array([groups, width, depth]),
                random.array([channels], scale: 2),
            ]
        } bind: { operands in
            let weight = try operands[1].prepared(for: .grouped, as: type)
            return {
                try operands[0].groupedConvolution(
                    weight, bias: bias ? operands[2] : nil, segments: segments, activation: activation)
            }
        }
    }

    /// With one segment of all rows: what each tap sees in sum, times its weights.
    private static func groupedColumnSums(_ inputs: [HostArray], groups: Int, width: Int, bias: Bool) -> [Double] {
        let (x, weight, biases) = (inputs[0].floats(), inputs[1].floats(), inputs[2].floats())
        let (rows, channels, kernel) = (inputs[0].shape[0], groups * width, inputs[1].shape[2] / width)
        var sums = biases.map { bias ? Double(rows) * Double($0) : 0 }
        for tap in 0..<kernel {
            // Row t reads row t + tap - ⌊kernel / 2⌋.
            let first = max(0, tap - kernel / 2)
            let last = min(rows, rows + tap - kernel / 2)
            let seen = columnSums(Array(x[first * channels..<max(first, last) * channels]), columns: channels)
            for channel in 0..<channels {
                let start = (channel * kernel + tap) * width
                for input in 0..<width {
                    sums[channel] += Double(weight[start + input]) * seen[channel / width * width + input]
                }
            }
        }
        return sums
    }
}
