import Backends
import CPUBackends
import Conformance
import TensorEngine
import Testing

/// Products whose activations a CPU rounds to the type of its weights: by AMX tiles, by VNNI and by AVX512_BF16.
@Suite(.serialized) struct RoundedProductTests {
    /// `simd` by each way of rounding that is there, AMX's instructions emulated where they are missing.
    private static let devices: [TestDevice] =
        [TestDevices.tiles].compactMap { $0 }
        + TestDevices.fused.filter { device in
            (device.backend as? CPUBackend).map { [.avxvnni, .avx512vnni, .avx512bf16].contains($0.instructionSet) }
                ?? false
        }

    @Test(arguments: devices)
    func activationsAreRoundedToNearestEvenAndNothingElseIs(device: TestDevice) throws {
        let types = [DType.bfloat16, .int8].filter { device.backend.activationType(forWeights: $0) == $0 }
        #expect(types.contains(.int8))
        let sizes = [(7, 1, 1), (8, 33, 31), (17, 47, 65), (33, 64, 96), (40, 31, 1100), (65, 97, 257), (15, 33, 4099)]
        for type in types {
            for (m, n, k) in sizes {
                let (actual, expected) = try roundedProduct(m, n, k, type, on: device.backend)
                for row in 0..<m {
                    let range = row * n..<(row + 1) * n
                    let largest = expected[range].map(\.magnitude).max() ?? 0
                    let error = range.map { (Double(actual[$0]) - expected[$0]).magnitude }.max() ?? 0
                    #expect(error <= 4e-6 * largest, "row \(row) of \(m) × \(k) → \(n): \(error / largest)")
                }
            }
        }
    }

    @Test func aBackendSaysWhatItRoundsActivationsTo() throws {
        for (set, rounded) in [
            (Processor.InstructionSet.baseline, []), (.avx2, []), (.avxvnni, [.int8]), (.avx512vnni, [.int8]),
            (.avx512bf16, [.int8, .bfloat16]), (.amx, [.int8, .bfloat16]),
        ] as [(Processor.InstructionSet, [DType])] where Processor.current.supports(set) {
            let backend = try CPUBackend.simd(CPUOptions(instructionSet: set))
            for type in [DType.float32, .float16, .bfloat16, .int8] {
                #expect(backend.activationType(forWeights: type) == (rounded.contains(type) ? type : .float32))
            }
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
