import TensorEngine

extension ConformanceCase {
    static let normCases: [ConformanceCase] =
        [[0, 5], [1, 1], [3, 2], [7, 33], [5, 257], [13, 512], [3, 1031]].flatMap { sizes in
            [nil, UnaryKind.gelu].map { layerNorm(sizes, activation: $0) }
        } + [
            layerNorm([7, 513], offset: 10), layerNorm([7, 65], scale: 1e15),
            layerNorm([7, 65], scale: 0, offset: 0.125),
            layerNorm([7, 65], scale: 0), layerNormNaN,
            layerNorm([499, 1024], .large), layerNorm([3199, 512], activation: .gelu, .large),
        ] + channelNormCases

    private static func layerNorm(
        _ sizes: [Int], scale: Float = 1, offset: Float = 0, activation: UnaryKind? = nil, _ size: Size = .small
    ) -> ConformanceCase {
        let (rows, columns) = (sizes[0], sizes[1])
        var name = "\(rows) × \(columns), \(offset) ± \(scale)"
        if let activation { name += ", \(activation)" }
        return ConformanceCase("layerNorm", name, size, tolerance: .norm) { random in
            [random.array([rows, columns], scale: scale, offset: offset)] + parameters(columns, &random)
        } bind: { operands in
            let norm = Normalization(gain: operands[1], bias: operands[2], epsilon: 1e-5)
            return { try operands[0].layerNorm(norm, activation: activation) }
        }
    }

    static func parameters(_ channels: Int, _ random: inout RandomSource) -> [HostArray] {
        [random.array([channels], offset: 2), random.array([channels], scale: 2, offset: 0.5)]
    }

    private static let layerNormNaN = ConformanceCase("layerNorm", "NaN and ∞ in a row each", tolerance: .norm) {
        random in
        var x = random.floats(9 * 67)
        x[2 * 67 + 66] = .nan
        x[5 * 67] = .infinity
        return [HostArray(x, shape: [9, 67])] + parameters(67, &random)
    } bind: { operands in
        let norm = Normalization(gain: operands[1], bias: operands[2], epsilon: 1e-5)
        return { try operands[0].layerNorm(norm) }
    }

    private static let channelNormCases: [ConformanceCase] =
        [1, 7, 33, 512].flatMap { channels in
            [nil, UnaryKind.gelu].map { activation in
                channelNorm(
                    channels, Segments(offsets: [1, 4, 9, 9], lengths: [3, 1, 0, 13]), rows: 25, activation: activation)
            }
        } + [
            channelStatistics(7, Segments(offsets: [1, 4, 9, 9], lengths: [3, 1, 0, 13]), rows: 25, offset: 10),
            channelStatistics(65, Segments(lengths: [0, 1, 300]), rows: 301),
            channelStatistics(3, Segments(lengths: []), rows: 3), channelStatistics(2, Segments(lengths: [0]), rows: 0),
            channelStatistics(512, Segments(lengths: [3199]), rows: 3200, .large),
            partNorm,
            channelNorm(5, Segments(lengths: []), rows: 3), channelNorm(5, Segments(lengths: []), rows: 0),
            channelNorm(5, Segments(lengths: [101]), rows: 101, offset: 10),
            channelNorm(5, Segments(lengths: [11, 9]), rows: 20, hasNaN: true),
            channelNorm(512, Segments(lengths: [3199]), rows: 3200, activation: .gelu, .large),
            channelNorm(512, Segments(offsets: [0, 1100, 2110], lengths: [1099, 1000, 800]), rows: 3000, .large),
        ]

    private static func channelStatistics(
        _ channels: Int, _ segments: Segments, rows: Int, offset: Float = 0, _ size: Size = .small
    ) -> ConformanceCase {
        let name = "\(segments.lengths) of \(rows) rows of \(channels), offset \(offset)"
        return ConformanceCase("channelStatistics", name, size, tolerance: .norm) { random in
            let x = random.ragged(segments, rows: rows, columns: channels, offset: offset)
            return [HostArray(x, shape: [rows, channels])]
        } bind: { operands in
            { try operands[0].channelStatistics(segments: segments) }
        }
    }

    /// Rows of longer segments, whose statistics are given.
    private static let partNorm = ConformanceCase("channelNorm", "parts of segments", tolerance: .norm) { random in
        let x = random.array([40, 33])
        let statistics = random.floats(2 * 3 * 33).map { abs($0) + 0.5 }
        return [x, HostArray(statistics, shape: [2, 3, 33])] + parameters(33, &random)
    } bind: { operands in
        let norm = Normalization(gain: operands[2], bias: operands[3], epsilon: 1e-5)
        let segments = Segments(offsets: [0, 5, 9], lengths: [5, 0, 31])
        return { try operands[0].channelNorm(norm, segments: segments, statistics: operands[1], activation: .gelu) }
    }

    private static func channelNorm(
        _ channels: Int, _ segments: Segments, rows: Int, offset: Float = 0, activation: UnaryKind? = nil,
        hasNaN: Bool = false, _ size: Size = .small
    ) -> ConformanceCase {
        var name = "\(segments.lengths) of \(rows) rows of \(channels), offset \(offset)"
        if let activation { name += ", \(activation)" }
        if hasNaN { name += ", NaN in a channel" }
        return ConformanceCase("channelNorm", name, size, tolerance: .norm) { random in
            var x = random.ragged(segments, rows: rows, columns: channels, offset: offset)
            if hasNaN { x[segments.offsets[0] * channels + channels / 2] = .nan }
            return [HostArray(x, shape: [rows, channels])] + parameters(channels, &random)
        } bind: { operands in
            let norm = Normalization(gain: operands[1], bias: operands[2], epsilon: 1e-5)
            return { try operands[0].channelNorm(norm, segments: segments, activation: activation) }
        }
    }
}

extension RandomSource {
    /// Numbers in the segments and NaN between them, which no valid row may take in.
    mutating func ragged(
        _ segments: Segments, rows: Int, columns: Int, scale: Float = 1, offset: Float = 0
    ) -> [Float] {
        var values = [Float](repeating: .nan, count: rows * columns)
        for index in 0..<segments.count {
            for place in segments[index].lowerBound * columns..<segments[index].upperBound * columns {
                values[place] = float(scale: scale, offset: offset)
            }
        }
        return values
    }
}
