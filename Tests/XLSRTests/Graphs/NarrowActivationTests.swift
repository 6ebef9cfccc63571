import GPUBackends
import TensorEngine
import Testing
import XLSR

/// Activations of 16 bits between products of a library, as on CUDA; skipped without OpenCL.
@Suite struct NarrowActivationTests {
    private static func backend(hasLibrary: Bool = true, guardByteCount: Int = 64) throws -> GPUBackend? {
        guard let base = try? OpenCLDriver(index: 0) else { return nil }
        return try GPUBackend(
            driver: ReplayingDriver(base, hasLibrary: hasLibrary), guardByteCount: guardByteCount, kernelShape: "tiled",
            usesGraphs: true)
    }

    private func numbers(_ count: Int, _ seed: Int, _ factor: Float = 1) -> [Float] {
        (0..<count).map { factor * Float(($0 * 7919 + seed * 104_729) % 2003 - 1001) / 500 }
    }

    /// Widths of whole eights and others, and one of two blocks.
    @Test(arguments: [DType.float16, .bfloat16], [6, 40, 4104])
    func resultsAreThoseOfFloat32Rounded(type: DType, width: Int) throws {
        guard let backend = try Self.backend() else { return }
        func tensor(_ shape: Shape, _ seed: Int, _ factor: Float = 1) throws -> Tensor {
            try Tensor(numbers(shape.count, seed, factor), shape: shape, on: backend)
        }
        let x = try tensor([5, width], 1)
        let norm = Normalization(gain: try tensor([width], 2), bias: try tensor([width], 3), epsilon: 1e-5)
        let normed = try x.layerNorm(norm, as: type)
        #expect(normed.dtype == type)
        #expect(try normed.floats() == x.layerNorm(norm).converted(to: type).floats())

        let segments = Segments(offsets: [0, 2], lengths: [2, 3])
        let wide = try tensor([5, 3 * width], 4)
        let attended = try wide.attention(heads: 2, segments: segments, as: type)
        #expect(attended.dtype == type)
        let expected = try wide.attention(heads: 2, segments: segments).converted(to: type)
        #expect(try attended.floats() == expected.floats())

        let weight = try tensor([width, 8], 5, 0.1).prepared(for: .linear, as: type)
        let (bias, small) = (try tensor([width], 6), try tensor([5, 8], 7))
        let before = backend.counters[.libraryProducts]
        let fed = try small.linear(weight, bias: bias, activation: .gelu, as: type)
        let wideFed = try small.linear(weight, bias: bias, activation: .gelu)
        #expect(fed.dtype == type && wideFed.dtype == .float32)
        #expect(backend.counters[.libraryProducts] == before + 2)
        // Rounded before the bias too.
        let error = zip(try fed.floats(), try wideFed.floats()).map { ($0 - $1).magnitude }.max() ?? .nan
        let largest = try wideFed.floats().map(\.magnitude).max() ?? 0
        #expect(error <= (type == .float16 ? 1e-3 : 8e-3) * largest)
        // What is of that type already isn't rounded again; what isn't is.
        #expect(
            try small.converted(to: type).linear(weight, bias: bias).floats()
                == small.linear(weight, bias: bias).floats())
        #expect(backend.pool.statistics.damagedGuardCount == 0)
    }

    /// float16 holds no more than 65504.
    @Test func whatFloat16CannotHoldIsItsLargestNumber() throws {
        guard let backend = try Self.backend() else { return }
        let one = try Tensor([1, 1], shape: [2], on: backend)
        let norm = Normalization(gain: try Tensor([1e6, 1e6], shape: [2], on: backend), bias: one, epsilon: 1e-5)
        let normed = try Tensor([3, 5, 5, 3] as [Float], shape: [2, 2], on: backend).layerNorm(norm, as: .float16)
        #expect(try normed.floats() == [-65504, 65504, 65504, -65504])
        let weight = try Tensor([1000, -1000] as [Float], shape: [2, 1], on: backend)
            .prepared(for: .linear, as: .float16)
        let x = try Tensor([1, 1e6] as [Float], shape: [2, 1], on: backend)
        let fed = try x.linear(weight, activation: .relu, as: .float16).floats()
        #expect(fed == [1000, 0, 65504, 0])
        #expect(try x.linear(weight).floats() == [1000, -1000, 65_504_000, -65_504_000])
    }

    /// Without a library float32 stays between products, and whoever asks for 16 bits gets them all the same.
    @Test func devicesWithoutALibraryConvert() throws {
        guard let backend = try Self.backend(hasLibrary: false) else { return }
        #expect(backend.inputType(forWeights: .bfloat16) == .float32)
        let x = try Tensor(numbers(40, 1), shape: [5, 8], on: backend)
        let weight = try Tensor(numbers(48, 2), shape: [6, 8], on: backend).prepared(for: .linear, as: .bfloat16)
        let result = try x.linear(weight, activation: .gelu, as: .bfloat16)
        #expect(try result.floats() == x.linear(weight, activation: .gelu).converted(to: .bfloat16).floats())
        let narrow = try x.converted(to: .bfloat16)
        #expect(try narrow.linear(weight).floats() == narrow.converted(to: .float32).linear(weight).floats())
    }

    /// What the library doesn't take goes by way of float32: a residual beside a result of 16 bits.
    @Test func aResidualBesideANarrowResultIsAddedInFloat32() throws {
        guard let backend = try Self.backend() else { return }
        let x = try Tensor(numbers(40, 1), shape: [5, 8], on: backend)
        let weight = try Tensor(numbers(48, 2), shape: [6, 8], on: backend).prepared(for: .linear, as: .bfloat16)
        let residual = try Tensor(numbers(30, 3), shape: [5, 6], on: backend)
        let narrow = try x.linear(weight, residual: residual, as: .bfloat16)
        #expect(try narrow.floats() == x.linear(weight, residual: residual).converted(to: .bfloat16).floats())
    }

    /// Layers that norm before and after, one by one and replayed.
    @Test(arguments: ["layer-stable", "group-post", "heads-80"], [Precision.bfloat16, .float16, .float32])
    func modelsGiveTheGoldenRun(variant: String, precision: Precision) throws {
        guard let backend = try Self.backend(guardByteCount: 0) else { return }
        let golden = try Golden(variant)
        let model = try XLSRModel.load(golden.folder, on: backend, precision: precision)
        let tolerances: [DType: Float] = [.bfloat16: 0.1, .float16: 0.01]
        for round in 1...3 {
            for index in 0..<golden.inputCount {
                let output = try model.outputs(of: [golden.clip(index, model)])
                let (actual, expected) = (
                    try output.states.floats(), try golden.tensors.tensor(named: "last_hidden_state.\(index)").floats()
                )
                try #require(actual.count == expected.count)
                let error = largestDifference(actual, expected) / largest(expected)
                #expect(error <= tolerances[precision.weights, default: 1e-4], "round \(round)")
            }
        }
        #expect(backend.counters[.libraryProducts] > 0)
    }
}
