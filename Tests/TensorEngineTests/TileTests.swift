import CPUBackends
import Conformance
import InstructionEmulation
import SIMDKernelTable
import TensorEngine
import Testing

/// Suites that use emulated tiles, one after the other: one of them counts these.
@Suite(.serialized) enum RoundingTests {}

extension RoundingTests {
    /// Products and attention by AMX tiles: on a processor that lacks them its instructions are emulated, each where it stands in the kernels.
    @Suite(.enabled(if: TestDevices.tiles != nil, "neither tiles nor AVX2")) struct TileTests {
        private static let cases = ConformanceCase.all.filter { $0.tolerance.weights != .float32 }

        /// Runs a body, and fails when tiles were emulated other than expected: where they are real, never.
        private func expectTiles(_ areUsed: Bool, _ body: () throws -> Void) rethrows {
            let before = emulated_tile_product_count()
            try body()
            #expect((emulated_tile_product_count() > before) == (areUsed && !Processor.current.supports(.amx)))
        }

        @Test func everyCaseOfSmallWeightsMatchesTheOracle() throws {
            let device = try #require(TestDevices.tiles)
            let oracle = ConformanceCase.makeOracle()
            #expect(
                Set(Self.cases.map(\.operation)) == [
                    "prepare", "linear", "convolution", "groupedConvolution", "attention",
                ])
            try expectTiles(true) {
                for testCase in Self.cases {
                    let result = try check(testCase, on: device.backend, against: oracle)
                    #expect(result.passed, "\(result)")
                }
            }
        }

        @Test func thePeakOfTilesIsMeasuredByTiles() throws {
            let chains = try #require(Processor.kernels(for: .amx).chains(.int8))
            try expectTiles(true) {
                var values = [Float](repeating: 0, count: KernelTable.chainValueCount)
                let count = try values.withUnsafeMutableBufferPointer { chains(.int8, try #require($0.baseAddress), 3) }
                #expect(count == 3 * 4 * 2 * 16 * 16 * 64)
                // The bytes of two ones of bfloat16 are 128, 63, 128 and 63, signed on the right.
                let sum: Int32 = 3 * 32 * (-128 * 128 + 63 * 63)
                #expect(values.allSatisfy { Int32(bitPattern: $0.bitPattern) == sum })
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
