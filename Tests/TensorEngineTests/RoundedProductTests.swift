import Backends
import CPUBackends
import Conformance
import InstructionEmulation
import SIMDKernelTable
import TensorEngine
import Testing

extension RoundingTests {
    /// Products whose activations a CPU rounds to the type of its weights: by AMX tiles and AVX512_BF16, and bytes.
    @Suite struct RoundedProductTests {
        /// CPU devices by every instruction set that is there, AMX's instructions and AVX-VNNI's emulated where they are missing.
        private static let all: [TestDevice] =
            [TestDevices.tiles, TestDevices.dots].compactMap { $0 }
            + TestDevices.fused.filter { $0.backend is CPUBackend }

        private static let devices = all.filter { !types($0).isEmpty }

        /// The types of weights to which a device is to round activations.
        private static func types(_ device: TestDevice) -> [DType] {
            switch (device.backend as? CPUBackend)?.instructionSet {
            case .avx2, .avxvnni, .avx512, .avx512vnni: [.int8]
            case .avx512bf16, .amx: [.int8, .bfloat16]
            case .baseline, nil: []
            }
        }

        @Test(arguments: devices)
        func activationsAreRoundedToNearestEvenAndNothingElseIs(device: TestDevice) throws {
            let sizes = [
                (1, 17, 257), (5, 33, 70), (6, 31, 1100), (7, 1, 1), (8, 33, 31), (17, 47, 65), (33, 64, 96),
                (40, 31, 1100), (65, 97, 257), (15, 33, 4099),
            ]
            for type in Self.types(device) {
                for (m, n, k) in sizes {
                    let (actual, expected) = try roundedProduct(m, n, k, type, on: device.backend)
                    for row in 0..<m {
                        let range = row * n..<(row + 1) * n
                        let largest = expected[range].map(\.magnitude).max() ?? 0
                        let wrong = range.first { !((Double(actual[$0]) - expected[$0]).magnitude <= 4e-6 * largest) }
                        #expect(
                            wrong == nil, "row \(row) of \(m) × \(k) → \(n): \(actual[range]), not \(expected[range])")
                    }
                }
            }
        }

        @Test(arguments: devices)
        func withActivationsThatNeedntBeRoundedProductsAreAsExactAsWithout(device: TestDevice) throws {
            let oracle = ConformanceCase.makeOracle()
            // A microsecond for each instruction that is emulated, which tiles are few of.
            let most = device.name == TestDevices.dots?.name ? 1_000_000 : Int.max
            // Where there are products of bfloat16, attention rounds its weights whatever the activations are.
            let roundsAttention = Self.types(device).contains(.bfloat16)
            for testCase in ConformanceCase.all
            where Self.types(device).contains(testCase.tolerance.weights)
                && !(roundsAttention && testCase.operation == "attention") && testCase.multiplyAddCount <= most
            {
                let result = try check(testCase.withRepresentableActivations(), on: device.backend, against: oracle)
                #expect(result.passed, "\(result)")
            }
        }

        @Test(arguments: all.filter { ($0.backend as? CPUBackend)?.instructionSet != .baseline })
        func atInt8ARowWithAnInfinityIsNaNAndNoOther(device: TestDevice) throws {
            let (m, n, k) = (17, 33, 70)
            var random = RandomSource(seed: 5)
            let weight = try Tensor(random.array([n, k]), on: device.backend).prepared(for: .linear, as: .int8)
            var x = random.floats(m * k)
            let expected = try Tensor(x, shape: [m, k], on: device.backend).linear(weight).floats()
            x[3 * k + 69] = .infinity
            let actual = try Tensor(x, shape: [m, k], on: device.backend).linear(weight).floats()
            for index in 0..<m * n {
                #expect(index / n == 3 ? actual[index].isNaN : actual[index] == expected[index])
            }
        }

        @Test(arguments: all) func aBackendSaysWhatItRoundsActivationsTo(device: TestDevice) {
            for type in [DType.float32, .float16, .bfloat16, .int8] {
                let expected = Self.types(device).contains(type) ? type : .float32
                #expect(device.backend.activationType(forWeights: type) == expected)
            }
        }

        @Test(.enabled(if: TestDevices.dots != nil, "AVX-VNNI itself, or no AVX2"))
        func whereDotProductsAreMissingTheyAreEmulated() throws {
            let device = try #require(TestDevices.dots)
            for rows in [ProductTask.fewRows, 40] {
                let before = emulated_dot_product_count()
                _ = try roundedProduct(rows, 33, 70, .int8, on: device.backend)
                #expect(emulated_dot_product_count() > before)
            }
        }

        @Test(arguments: Processor.InstructionSet.allCases.filter { !Processor.current.supports($0) })
        func whereInstructionsAreMissingTheirSetIsRefused(set: Processor.InstructionSet) {
            #expect {
                _ = try CPUBackend.simd(CPUOptions(instructionSet: set))
            } throws: {
                ($0 as? TensorError)?.kind == .deviceUnavailable && "\($0)".contains(set.rawValue)
            }
        }
    }
}

/// `[m, k]`, `[n, k]` and their product as a device that rounds activations to the weights' type computes it.
func roundedProduct(
    _ m: Int, _ n: Int, _ k: Int, _ type: DType, on backend: any Backend
) throws -> (actual: [Float], expected: [Double]) {
    var random = RandomSource(seed: UInt64(m + n + k))
    let x = (0..<m).flatMap { row in random.floats(k, scale: Float(row + 1)) }
    let prepared = try Tensor(random.array([n, k]), on: backend).prepared(for: .linear, as: type)
    let weight = try backend.dense(prepared).floats()
    let steps = hasDotsOfBytes(backend) ? 254 : bytePairSteps(weight, k)
    let rounded = stride(from: 0, to: m * k, by: k).flatMap { start -> [Double] in
        let row = x[start..<start + k]
        guard type == .int8 else { return row.map { Double(Float(bitPattern: UInt32($0.bfloat16Bits) << 16)) } }
        // From the row's smallest number, or 0, to its largest.
        let scale = Float(steps) / 2 / (max(row.max() ?? 0, 0) / 2 - min(row.min() ?? 0, 0) / 2)
        return row.map { (Double($0) * Double(scale)).rounded(.toNearestOrEven) / Double(scale) }
    }
    let expected = (0..<m * n).map { index in
        (0..<k).reduce(0.0) { $0 + rounded[index / n * k + $1] * Double(weight[index % n * k + $1]) }
    }
    return (try Tensor(x, shape: [m, k], on: backend).linear(prepared).floats(), expected)
}

/// Whether a CPU adds four products of bytes up within 32 bits.
private func hasDotsOfBytes(_ backend: any Backend) -> Bool {
    switch (backend as? CPUBackend)?.instructionSet {
    case .avxvnni, .avx512vnni, .avx512bf16: true
    case .amx: Processor.current.supports(.avx512vnni)
    case .baseline, .avx2, .avx512, nil: false
    }
}

/// The most steps, an even number, with which two products of bytes and of neighbouring weights add up within 16 bits, also
/// where rounding adds a step.
private func bytePairSteps(_ weight: [Float], _ k: Int) -> Int {
    var largest = 127
    for start in stride(from: 0, to: weight.count, by: k) {
        let row = weight[start..<start + k]
        let scale = (row.map(\.magnitude).max() ?? 1) / 127
        let integers = row.map { Int(($0 / scale).rounded()) } + [0]
        for index in stride(from: 0, to: k, by: 2) {
            largest = max(largest, abs(integers[index] + integers[index + 1]))
        }
    }
    return (0...254).last { $0 % 2 == 0 && ($0 + 1) * largest <= 32767 } ?? 0
}
