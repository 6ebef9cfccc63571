import Backends
import CPUBackends
import Conformance
import TensorEngine
import Testing

extension RoundingTests {
    /// Products whose activations a CPU rounds to the type of its weights: by AMX tiles, by VNNI and by AVX512_BF16.
    @Suite struct RoundedProductTests {
        /// CPU devices by every instruction set that is there, AMX's instructions emulated where they are missing.
        private static let all: [TestDevice] =
            [TestDevices.tiles].compactMap { $0 } + TestDevices.fused.filter { $0.backend is CPUBackend }

        private static let devices = all.filter { !types($0).isEmpty }

        /// The types of weights to which a device is to round activations.
        private static func types(_ device: TestDevice) -> [DType] {
            switch (device.backend as? CPUBackend)?.instructionSet {
            case .avxvnni, .avx512vnni: [.int8]
            case .avx512bf16, .amx: [.int8, .bfloat16]
            case .baseline, .avx2, .avx512, nil: []
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
            // Weights of keys are rounded whatever the activations are.
            for testCase in ConformanceCase.all
            where Self.types(device).contains(testCase.tolerance.weights) && testCase.operation != "attention" {
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
