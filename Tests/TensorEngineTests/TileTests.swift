import CPUBackends
import Conformance
import InstructionEmulation
import SIMDKernelTable
import TensorEngine
import Testing

/// Suites that use emulated tiles, one after the other: one of them counts these.
@Suite(.serialized) enum RoundingTests {}

extension RoundingTests {
    /// Products and attention by AMX tiles: on a processor that lacks them its instructions are emulated, each where it
    /// stands in the kernels.
    @Suite(.enabled(if: TestDevices.tiles != nil, "neither tiles nor AVX2")) struct TileTests {
        /// Those of small weights, and small ones of float32: products, which take six times as many tiles, and norms,
        /// whose results may be bfloat16.
        private static let cases = ConformanceCase.all.filter {
            let operations = ["linear", "convolution", "groupedConvolution", "matmul", "layerNorm"]
            return $0.tolerance.weights != .float32 || $0.size == .small && operations.contains($0.operation)
        }

        /// Runs a body, and fails when tiles were emulated other than expected: where they are real, never.
        private func expectTiles(_ areUsed: Bool, _ body: () throws -> Void) rethrows {
            let before = emulated_tile_product_count()
            try body()
            #expect((emulated_tile_product_count() > before) == (areUsed && !Processor.current.supports(.amx)))
        }

        @Test func everyCaseOfTilesMatchesTheOracle() throws {
            let device = try #require(TestDevices.tiles)
            let oracle = ConformanceCase.makeOracle()
            #expect(
                Set(Self.cases.map(\.operation)) == [
                    "prepare", "linear", "convolution", "groupedConvolution", "matmul", "attention",
                    "layerNorm",
                ])
            try expectTiles(true) {
                for testCase in Self.cases {
                    let result = try check(testCase, on: device.backend, against: oracle)
                    #expect(result.passed, "\(result)")
                }
            }
        }

        /// Of the three parts of a number, a product without the last would err 100 times as much.
        @Test func productsOfFloat32ErrAsMuchAsMultiplyAdds() throws {
            let (m, n, k) = (70, 33, 1000)
            var random = RandomSource(seed: 7)
            // Numbers of every size from 2⁻¹⁰ to 2¹⁰.
            func factor(_ rows: Int) -> [Float] {
                random.floats(rows * k, scale: 1).enumerated().map { index, value in
                    value * Float(sign: .plus, exponent: index % 21 - 10, significand: 1)
                }
            }
            let (a, b) = (factor(m), factor(n))
            func errors(_ backend: any Backend) throws -> Double {
                let weight = try Tensor(HostArray(b, shape: [n, k]), on: backend).prepared(for: .linear)
                let actual = try Tensor(HostArray(a, shape: [m, k]), on: backend).linear(weight).floats()
                return (0..<m * n).reduce(0) { worst, index in
                    let (row, column) = (index / n, index % n)
                    let products = (0..<k).map { Double(a[row * k + $0]) * Double(b[column * k + $0]) }
                    let error = abs(Double(actual[index]) - products.reduce(0, +))
                    return max(worst, error / products.reduce(0) { $0 + abs($1) })
                }
            }
            let tiles = try #require(TestDevices.tiles).backend
            let plain = try errors(CPUBackend.simd(CPUOptions(instructionSet: .avx2)))
            try expectTiles(true) {
                let error = try errors(tiles)
                #expect(error <= 1.5 * plain)
            }
        }

        @Test(arguments: [DType.float32, .bfloat16, .int8])
        func aProductOfManyRowsIsThatOfItsParts(type: DType) throws {
            // More than are rounded at a time, and of float32 several blocks of depth.
            let (m, n, k) = (1100, 40, 700)
            var random = RandomSource(seed: 8)
            let a = random.floats(m * k, scale: 1)
            let device = try #require(TestDevices.tiles).backend
            let weight = try Tensor(random.array([n, k]), on: device).prepared(for: .linear, as: type)
            func product(_ rows: Range<Int>) throws -> [Float] {
                let part = Array(a[rows.lowerBound * k..<rows.upperBound * k])
                return try Tensor(HostArray(part, shape: [rows.count, k]), on: device).linear(weight).floats()
            }
            let (whole, parts) = (try product(0..<m), try product(0..<990) + product(990..<m))
            let largest = whole.reduce(0) { max($0, $1.magnitude) }
            // Where the second-level cache is small, few rows have deeper blocks, so sums are added up in another order.
            #expect(zip(whole, parts).allSatisfy { ($0 - $1).magnitude <= 4e-6 * largest })
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
            try expectTiles(false) { _ = try roundedProduct(ProductTask.tileSpan / 2, 33, 70, .float32, on: tiles) }
            try expectTiles(true) { _ = try roundedProduct(ProductTask.tileSpan / 2 + 1, 33, 70, .float32, on: tiles) }
            try expectTiles(true) { _ = try roundedProduct(ProductTask.fewRows + 1, 33, 70, .int8, on: tiles) }
        }
    }
}
