import TensorEngine
import Testing

/// The oracle against numbers from elsewhere: written by hand, or from the language's own half precision.
@Suite struct ReferenceBackendTests {
    private let backend = ReferenceBackend()

    private func halves(_ values: [Float]) throws -> [UInt16] {
        try Tensor(values, shape: [values.count], on: backend).converted(to: .float16).hostArray().withUnsafeBytes {
            Array($0.bindMemory(to: UInt16.self))
        }
    }

    @Test func halvesAreRoundedAsTheLanguageRoundsThem() throws {
        var values: [Float] = []
        for bits in stride(from: UInt32(0x3300_0000), to: 0x4780_0000, by: 7919) {
            values += [Float(bitPattern: bits), -Float(bitPattern: bits)]
        }
        #expect(try halves(values) == values.map { Float16($0).bitPattern })
    }

    @Test func halvesAtTheBoundariesHaveTheirKnownBits() throws {
        let values: [Float] = [0, -0.0, 1, 65504, 65519.996, 65520, 0x1p-14, 0x1p-24, 0x1p-25, 0x1.8p-24, -1e9]
        #expect(
            try halves(values) == [
                0, 0x8000, 0x3C00, 0x7BFF, 0x7BFF, 0x7C00, 0x0400, 1, 0, 2, 0xFC00,
            ])
        #expect(try halves([1 + 0x1p-11, 1 + 0x3p-11]) == [0x3C00, 0x3C02])
    }

    @Test func brainHalvesRoundToNearestEven() throws {
        let patterns: [UInt32] = [0x3F80_8000, 0x3F81_8000, 0x3F80_8001, 0x7F7F_FFFF, 0xFF80_0000, 0x0000_8001]
        let values = patterns.map { Float(bitPattern: $0) }
        let bits = try Tensor(values + [.nan], shape: [7], on: backend).converted(to: .bfloat16).hostArray()
            .withUnsafeBytes { Array($0.bindMemory(to: UInt16.self)) }
        #expect(bits.dropLast() == [0x3F80, 0x3F82, 0x3F81, 0x7F80, 0xFF80, 0x0001])
        #expect(bits[6] & 0x7F80 == 0x7F80 && bits[6] & 0x7F != 0)
    }

    @Test(arguments: [
        (UnaryKind.gelu, [Float(-0.0040496944), -0.15865526, 0, 0.8413447, 2.9959507]),
        (.geluTanh, [-0.0036373665, -0.15880801, 0, 0.841192, 2.9963627]),
        (.geluSigmoid, [-0.0180713097, -0.154204234, 0, 0.845795766, 2.98192869]),
        (.silu, [-0.14227763, -0.26894143, 0, 0.7310586, 2.8577223]),
        (.sigmoid, [0.04742587, 0.26894143, 0.5, 0.7310586, 0.95257413]),
        (.tanh, [-0.9950548, -0.7615942, 0, 0.7615942, 0.9950548]),
        (.exponential, [0.049787067, 0.36787945, 1, 2.7182817, 20.085537]),
        (.leakyRelu, [-0.03, -0.01, 0, 1, 3]), (.relu, [0, 0, 0, 1, 3]), (.square, [9, 1, 0, 1, 9]),
        (.absolute, [3, 1, 0, 1, 3]), (.negate, [3, 1, 0, -1, -3]),
    ])
    func functionsHaveTheirKnownValues(kind: UnaryKind, expected: [Float]) throws {
        let y = try Tensor([-3, -1, 0, 1, 3], shape: [5], on: backend).unary(kind).floats()
        for (value, expected) in zip(y, expected) { #expect(abs(value - expected) <= 2e-7 * max(1, abs(expected))) }
    }

    @Test func productsFollowTheirFormulas() throws {
        let x = try Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3], on: backend)
        let w = try Tensor([1, 0, -1, 2, 1, 1], shape: [2, 3], on: backend)
        #expect(try x.matmul(w, transposed: true).floats() == [-2, 7, -2, 19])
        #expect(try x.matmul(w.reshaped([3, 2])).floats() == [2, 7, 5, 16])
        let y = try x.linear(
            w.prepared(for: .linear), bias: Tensor([1, -1], shape: [2], on: backend), activation: .relu,
            residual: Tensor([10, 20, 30, 40], shape: [2, 2], on: backend))
        #expect(try y.floats() == [10, 26, 30, 58])
    }

    @Test func convolutionsFollowTheirFormulas() throws {
        let x = try Tensor([1, 2, 3, 4, 5], shape: [5, 1], on: backend)
        let w = try Tensor([1, 10, 100], shape: [1, 3], on: backend)
        let y = try x.convolution(
            w.prepared(for: .linear), bias: nil, window: ConvolutionWindow(kernel: 3, stride: 2, rows: 2))
        #expect(try y.floats() == [321, 543])
        // Two segments; an even kernel has one more tap before than after.
        let segments = Segments(lengths: [3, 2])
        for (taps, expected) in [([1, 10, 100], [210, 321, 32, 540, 54]), ([1, 10], [10, 21, 32, 40, 54])] {
            let weight = try Tensor(taps.map(Float.init), shape: [1, 1, taps.count], on: backend)
            let y = try x.groupedConvolution(weight.prepared(for: .grouped), bias: nil, segments: segments)
            #expect(try y.floats() == expected.map(Float.init))
        }
    }

    @Test func attentionWeighsTheValuesOfItsSegment() throws {
        // Scores ln 3 and 0 for the first row, so weights 3/4 and 1/4; the last row is alone.
        let x = try Tensor([1, 1.0986123, 4, 0, 0, 8, 5, 5, 7], shape: [3, 3], on: backend)
        let y = try x.attention(heads: 1, segments: Segments(lengths: [2, 1])).floats()
        #expect(zip(y, [5, 6, 7] as [Float]).allSatisfy { abs($0 - $1) < 1e-6 })
    }

    @Test func normsFollowTheirFormulas() throws {
        let x = try Tensor([1, 3, 2, 6], shape: [2, 2], on: backend)
        let norm = try Normalization(
            gain: Tensor([2, 3], shape: [2], on: backend), bias: Tensor([1, 0], shape: [2], on: backend), epsilon: 0)
        #expect(try x.layerNorm(norm).floats() == [-1, 3, -1, 3])
        #expect(try x.channelNorm(norm, segments: Segments(lengths: [2])).floats() == [-1, -3, 3, 3])
        // Without a variance only the bias is left; rows outside the segments are zero.
        let safe = Normalization(gain: norm.gain, bias: norm.bias, epsilon: 1)
        #expect(try x.channelNorm(safe, segments: Segments(lengths: [1])).floats() == [1, 0, 0, 0])
    }
}
