import Dispatch
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
    /// Of the step that has begun: what gradients are multiplied with, and means, and squares.
    private var (scale, rate, squareScale): (Float, Float, Float) = (0, 0, 0)

    /// - Parameter sizes: of each of the vectors that will be changed.
    init(sizes: [Int]) {
        means = sizes.map { [Float](repeating: 0, count: $0) }
        squares = means
    }

    /// Begins a step down.
    /// - Parameters:
    ///   - norm: of all gradients together.
    ///   - rate: how far, at first, each number goes.
    mutating func beginStep(norm: Double, rate: Double) {
        stepCount += 1
        scale = Float(min(1, Self.largestNorm / (norm + 1e-6)))
        self.rate = Float(rate) / (1 - powerOf(Self.meanDecay))
        squareScale = 1 / (1 - powerOf(Self.squareDecay))
    }

    private func powerOf(_ base: Float) -> Float { Float(pow(Double(base), Double(stepCount))) }

    /// That step of one vector.
    mutating func update(_ index: Int, _ values: inout [Float], gradient: UnsafeMutableBufferPointer<Float>) {
        let (scale, rate, squareScale) = (scale, rate, squareScale)
        values.withUnsafeMutableBufferPointer { values in
            means[index].withUnsafeMutableBufferPointer { means in
                squares[index].withUnsafeMutableBufferPointer { squares in
                    // Each part has elements of its own.
                    nonisolated(unsafe) let (values, means, squares, gradient) = (values, means, squares, gradient)
                    let partCount = max(1, values.count >> 17)
                    DispatchQueue.concurrentPerform(iterations: partCount) { part in
                        for i in values.count * part / partCount..<values.count * (part + 1) / partCount {
                            let own = gradient[i] * scale
                            let mean = means[i] + (1 - Self.meanDecay) * (own - means[i])
                            let square = squares[i] + (1 - Self.squareDecay) * (own * own - squares[i])
                            (means[i], squares[i]) = (mean, square)
                            values[i] -= rate * mean / ((square * squareScale).squareRoot() + Self.epsilon)
                        }
                    }
                }
            }
        }
    }
}
