import Glibc

/// Adam (Kingma, Ba 2015) with PyTorch's defaults, for numbers on the host.
struct Adam {
    private static let (meanDecay, squareDecay): (Float, Float) = (0.9, 0.999)
    private static let epsilon: Float = 1e-8
    /// Gradients whose norm is larger are shortened to it.
    private static let largestNorm = 1.0

    private var means: [[Float]]
    private var squares: [[Float]]
    private var stepCount = 0

    /// - Parameter sizes: of each of the vectors that will be changed.
    init(sizes: [Int]) {
        means = sizes.map { [Float](repeating: 0, count: $0) }
        squares = means
    }

    /// One step down.
    /// - Parameter rate: how far, at first, each number goes.
    mutating func update(_ values: inout [[Float]], gradients: [[Float]], rate: Double) {
        stepCount += 1
        let norm = gradients.joined().reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        let scale = Float(min(1, Self.largestNorm / (norm + 1e-6)))
        let meanShare = 1 - powerOf(Self.meanDecay, stepCount)
        let step = Float(rate) / meanShare
        let squareShare = 1 - powerOf(Self.squareDecay, stepCount)
        for index in values.indices {
            for element in values[index].indices {
                let gradient = gradients[index][element] * scale
                means[index][element] += (1 - Self.meanDecay) * (gradient - means[index][element])
                squares[index][element] += (1 - Self.squareDecay) * (gradient * gradient - squares[index][element])
                let deviation = (squares[index][element] / squareShare).squareRoot() + Self.epsilon
                values[index][element] -= step * means[index][element] / deviation
            }
        }
    }

    private func powerOf(_ base: Float, _ exponent: Int) -> Float { Float(pow(Double(base), Double(exponent))) }
}
