/// SplitMix64 (Steele, Lea, Flood 2014): small, seeded, the same numbers everywhere.
public struct RandomSource: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) {
        state = seed
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }

    /// Uniform in `offset ± scale`.
    public mutating func float(scale: Float = 1, offset: Float = 0) -> Float {
        offset + scale * (Float(next() >> 40) * 0x1p-23 - 1)
    }

    public mutating func floats(_ count: Int, scale: Float = 1, offset: Float = 0) -> [Float] {
        var values = [Float](repeating: 0, count: count)
        for index in 0..<count { values[index] = float(scale: scale, offset: offset) }
        return values
    }

    public mutating func array(_ shape: Shape, scale: Float = 1, offset: Float = 0) -> HostArray {
        HostArray(floats(shape.count, scale: scale, offset: offset), shape: shape)
    }
}
