import Conformance
import TensorEngine
import Testing

/// Gradients against differences of what the reference computes in double precision.
@Suite struct GradientTests {
    /// A layer's operations on ragged utterances.
    private struct Layer {
        static let (rows, width, heads) = (9, 6, 2)
        static let segments = Segments(lengths: [5, 1, 3])

        static let shapes: [(name: String, shape: Shape)] = [
            ("x", [rows, width]), ("gain", [width]), ("shift", [width]), ("first", [3 * width, width]),
            ("first bias", [3 * width]), ("second", [5, width]), ("second bias", [5]), ("third", [width, 5]),
            ("third bias", [width]),
        ]

        static let values: [[Float]] = {
            var random = RandomSource(seed: 5)
            return shapes.map { random.floats($0.shape.count, scale: $0.name == "gain" ? 0.5 : 1, offset: 0.3) }
        }()

        /// What the number whose gradient is asked for multiplies each output with.
        static let factors: [Float] = {
            var random = RandomSource(seed: 6)
            return random.floats(rows * width)
        }()

        var values = Layer.values
        var activation = UnaryKind.gelu

        /// - Parameter watching: gets what gradients are asked of, in the order of `shapes`.
        func output(on backend: any Backend, watching: ([Tensor], [PreparedWeight]) -> Void = { _, _ in }) throws
            -> Tensor
        {
            let t = try zip(values, Self.shapes).map { try Tensor($0, shape: $1.shape, on: backend) }
            let weights = try [3, 5, 7].map { try t[$0].prepared(for: .linear) }
            watching(t, weights)
            let mixed = try t[0].layerNorm(Normalization(gain: t[1], bias: t[2], epsilon: 1e-5))
                .linear(weights[0], bias: t[4])
                .attention(heads: Self.heads, segments: Self.segments)
            return try mixed.linear(weights[1], bias: t[6], activation: activation)
                .linear(weights[2], bias: t[8], residual: t[0])
        }

        func number() throws -> Double {
            let output = try output(on: ReferenceBackend()).floats()
            return zip(output, Self.factors).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        }
    }

    private static let expected: [[Double]] = (try? differences()) ?? []

    private static func differences() throws -> [[Double]] {
        let step: Float = 1 / 128
        return try Layer.values.indices.map { index in
            try Layer.values[index].indices.map { element in
                var (above, below) = (Layer(), Layer())
                above.values[index][element] += step
                below.values[index][element] -= step
                return try (above.number() - below.number()) / Double(2 * step)
            }
        }
    }

    @Test(arguments: TestDevices.present)
    func gradientsOfALayerAreThoseOfDifferences(device: TestDevice) throws {
        let tape = GradientTape(device.backend)
        var watched: ([Tensor], [PreparedWeight]) = ([], [])
        let output = try Layer().output(on: tape) { tensors, weights in
            watched = (tensors, weights)
            for index in [0, 1, 2, 4, 6, 8] { tape.watch(tensors[index]) }
            weights.forEach { tape.watch($0) }
        }
        let factors = try Tensor(Layer.factors, shape: output.shape, on: tape)
        let gradients = try tape.gradients(of: output, factors)
        try #require(Self.expected.count == Layer.shapes.count)
        for (index, (name, _)) in Layer.shapes.enumerated() {
            let weight = [3: 0, 5: 1, 7: 2][index].map { watched.1[$0] }
            let found = try #require(weight.map { gradients[$0] } ?? gradients[watched.0[index]])
            let expected = Self.expected[index]
            let largest = expected.map(\.magnitude).max() ?? 0
            for (actual, expected) in zip(try found.floats(), expected) {
                #expect((Double(actual) - expected).magnitude < 1e-3 * largest, "\(name)")
            }
        }
        // Another one begins with nothing.
        #expect(try tape.gradients(of: output, factors)[watched.0[0]] == nil)
    }

    @Test func nothingOfAStepStays() throws {
        let tape = GradientTape(ReferenceBackend())
        let before = tape.pool.statistics.usedByteCount
        for _ in 0..<2 {
            let output = try Layer().output(on: tape) { tensors, weights in
                tensors.forEach { tape.watch($0) }
                weights.forEach { tape.watch($0) }
            }
            _ = try tape.gradients(of: output, Tensor(Layer.factors, shape: output.shape, on: tape))
        }
        #expect(tape.pool.statistics.usedByteCount == before)
    }

    @Test func onlyWhatIsAskedForIsComputed() throws {
        let tape = GradientTape(ReferenceBackend())
        var watched: ([Tensor], [PreparedWeight]) = ([], [])
        let output = try Layer().output(on: tape) { tensors, weights in
            watched = (tensors, weights)
            tape.watch(tensors[8])
        }
        let gradients = try tape.gradients(of: output, Tensor(Layer.factors, shape: output.shape, on: tape))
        #expect(gradients[watched.0[8]] != nil)
        #expect(gradients[watched.0[0]] == nil)
        #expect(gradients[watched.1[0]] == nil)
    }

    @Test func aGradientIsNotLostSilently() throws {
        let tape = GradientTape(ReferenceBackend())
        let x = try Tensor([1, 2], shape: [1, 2], on: tape)
        tape.watch(x)
        #expect(throws: TensorError.self) { try x.softmax() }
    }

    @Test(arguments: UnaryKind.allCases)
    func derivativesAreThoseOfDifferences(kind: UnaryKind) throws {
        let backend = ReferenceBackend()
        let isOfPositives = [.squareRoot, .logarithm, .reciprocal].contains(kind)
        let points: [Float] = [-9, -3, -1.25, -0.5, -0.0625, 0.0625, 0.5, 1.25, 3, 9].filter {
            !isOfPositives || $0 > 0.1
        }
        func values(_ shift: Float) throws -> [Float] {
            try Tensor(points.map { $0 + shift }, shape: [points.count], on: backend).unary(kind).floats()
        }
        let step: Float = 1 / 256
        let (above, below) = (try values(step), try values(-step))
        let found = try Tensor(points, shape: [points.count], on: backend).derivative(of: kind).floats()
        for index in points.indices {
            let expected = (above[index] - below[index]) / (2 * step)
            #expect((found[index] - expected).magnitude < 1e-3 * max(1, expected.magnitude), "at \(points[index])")
        }
    }
}
