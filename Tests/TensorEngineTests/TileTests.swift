import CPUBackends
import Conformance
import SIMDKernelTable
import TensorEngine
import Testing
import TileEmulation

/// Suites that use emulated tiles, one after the other: one of them counts these.
@Suite(.serialized) enum RoundingTests {}

extension RoundingTests {
    /// Products and attention by AMX tiles: on a processor that lacks them its instructions are emulated, each where it stands in the kernels.
    @Suite(.enabled(if: TestDevices.tiles != nil, "neither tiles nor AVX2")) struct TileTests {
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

        @Test func aDecodersFewRowsStayWithTheKernelsThatReadWeightsOnce() throws {
            let tiles = try #require(TestDevices.tiles).backend
            for type in [DType.bfloat16, .int8, .float16, .float32] {
                try expectTiles(false) { _ = try roundedProduct(ProductTask.fewRows, 33, 70, type, on: tiles) }
            }
            try expectTiles(false) { _ = try roundedProduct(40, 33, 70, .float16, on: tiles) }
            try expectTiles(true) { _ = try roundedProduct(ProductTask.fewRows + 1, 33, 70, .int8, on: tiles) }
        }
    }
}
