import CPUBackends
import Conformance
import SIMDKernelTable
import TensorEngine
import Testing
import TileEmulation

/// Products by AMX tiles: on a processor that lacks them its instructions are emulated, each where it stands in the kernels.
@Suite(.serialized, .enabled(if: TestDevices.tiles != nil, "neither tiles nor AVX2")) struct TileTests {
    private static let cases = ConformanceCase.all.filter { $0.tolerance.weights != .float32 }

    /// Runs a body, and fails when tiles were emulated other than expected. Where they are real, nobody counts.
    private func expectTiles(_ areUsed: Bool, _ body: () throws -> Void) rethrows {
        let before = tile_emulation_product_count()
        try body()
        #expect(Processor.current.supports(.amx) || (tile_emulation_product_count() > before) == areUsed)
    }

    @Test func everyCaseOfSmallWeightsMatchesTheOracle() throws {
        let device = try #require(TestDevices.tiles)
        let oracle = ConformanceCase.makeOracle()
        #expect(Set(Self.cases.map(\.operation)) == ["linear", "convolution", "groupedConvolution", "attention"])
        try expectTiles(true) {
            for testCase in Self.cases {
                let result = try check(testCase, on: device.backend, against: oracle)
                #expect(result.passed, "\(result)")
            }
        }
    }

    @Test func withActivationsThatNeedntBeRoundedProductsAreAsExactAsWithout() throws {
        let device = try #require(TestDevices.tiles)
        let oracle = ConformanceCase.makeOracle()
        try expectTiles(true) {
            // Weights of keys are rounded whatever the activations are.
            for testCase in Self.cases where testCase.operation != "attention" {
                let result = try check(testCase.withRepresentableActivations(), on: device.backend, against: oracle)
                #expect(result.passed, "\(result)")
            }
        }
    }

    /// `[m, k]`, `[n, k]` and their product as a device that rounds activations to a type computes it.
    private func product(_ m: Int, _ n: Int, _ k: Int, _ type: DType) throws -> (actual: [Float], expected: [Double]) {
        let backend = try #require(TestDevices.tiles).backend
        var random = RandomSource(seed: UInt64(m + n + k))
        let x = (0..<m).flatMap { row in random.floats(k, scale: Float(row + 1)) }
        let prepared = try Tensor(random.array([n, k]), on: backend).prepared(for: .linear, as: type)
        let weight = try backend.dense(prepared).floats()
        let rounded = stride(from: 0, to: m * k, by: k).flatMap { start -> [Double] in
            let row = x[start..<start + k]
            guard type == .int8 else { return row.map { Double(Float(bitPattern: UInt32($0.bfloat16Bits) << 16)) } }
            let scale = 127 / (row.map(\.magnitude).max() ?? 1)
            return row.map { (Double($0) * Double(scale)).rounded(.toNearestOrEven) / Double(scale) }
        }
        let expected = (0..<m * n).map { index in
            (0..<k).reduce(0.0) { $0 + rounded[index / n * k + $1] * Double(weight[index % n * k + $1]) }
        }
        return (try Tensor(x, shape: [m, k], on: backend).linear(prepared).floats(), expected)
    }

    @Test(arguments: [DType.bfloat16, .int8])
    func activationsAreRoundedToNearestEvenAndNothingElseIs(type: DType) throws {
        for (m, n, k) in [(7, 1, 1), (8, 33, 31), (17, 47, 65), (33, 64, 96), (40, 31, 1100), (65, 97, 257)] {
            let (actual, expected) = try product(m, n, k, type)
            for row in 0..<m {
                let range = row * n..<(row + 1) * n
                let largest = expected[range].map(\.magnitude).max() ?? 0
                let error = range.map { (Double(actual[$0]) - expected[$0]).magnitude }.max() ?? 0
                #expect(error <= 4e-6 * largest, "row \(row) of \(m) × \(k) → \(n): \(error / largest)")
            }
        }
    }

    @Test func aDecodersFewRowsStayWithTheKernelsThatReadWeightsOnce() throws {
        for type in [DType.bfloat16, .int8, .float16, .float32] {
            try expectTiles(false) { _ = try product(ProductTask.fewRows, 33, 70, type) }
        }
        try expectTiles(false) { _ = try product(40, 33, 70, .float16) }
        try expectTiles(true) { _ = try product(ProductTask.fewRows + 1, 33, 70, .int8) }
    }

    @Test func aBackendSaysWhatItRoundsActivationsTo() throws {
        let backend = try #require(TestDevices.tiles).backend
        for type in [DType.bfloat16, .int8] { #expect(backend.activationType(forWeights: type) == type) }
        for type in [DType.float16, .float32] { #expect(backend.activationType(forWeights: type) == .float32) }
        let plain = try CPUBackend.simd(CPUOptions(instructionSet: .baseline))
        #expect(plain.activationType(forWeights: .bfloat16) == .float32)
    }

    @Test(.enabled(if: !Processor.current.supports(.amx))) func whereTilesAreMissingTheSetIsRefused() {
        #expect {
            _ = try CPUBackend.simd(CPUOptions(instructionSet: .amx))
        } throws: {
            ($0 as? TensorError)?.kind == .deviceUnavailable && "\($0)".contains("amx")
        }
    }
}
