/// Numbers in lanes of eight, the last ones filled up with zeros.
struct LaneVector: Sendable {
    private var lanes: [SIMD8<Float>]

    init(zeros count: Int) {
        lanes = [SIMD8<Float>](repeating: .zero, count: (count + 7) / 8)
    }

    init(_ numbers: some Collection<Float>) {
        self.init(zeros: numbers.count)
        for (index, number) in numbers.enumerated() { lanes[index / 8][index % 8] = number }
    }

    subscript(index: Int) -> Float { lanes[index / 8][index % 8] }

    /// - Precondition: of the same length, as below.
    func dot(_ other: LaneVector) -> Float {
        var sum = SIMD8<Float>.zero
        for index in lanes.indices { sum += lanes[index] * other.lanes[index] }
        return sum.sum()
    }

    mutating func add(_ factor: Float, _ other: LaneVector) {
        for index in lanes.indices { lanes[index] += factor * other.lanes[index] }
    }
}
