import Backends
import CPUBackends
import Conformance
import Glibc
import InstructionEmulation
import SIMDKernelTable
import TensorEngine
import Testing

extension RoundingTests {
    /// The types of weights that a device multiplies as integers of 16 bits.
    static func shortTypes(_ device: TestDevice) -> [DType] {
        switch (device.backend as? CPUBackend)?.instructionSet {
        case .avx2, .avxvnni, .avx512vnni: [.bfloat16, .float16]
        case .avx512bf16: [.float16]
        case .amx: Processor.current.supports(.avx512vnni) ? [.float16] : []
        case .baseline, .dotprod, .avx512, nil: []
        }
    }

    /// Products whose activations a CPU rounds to the type of its weights: by AMX tiles and AVX512_BF16, and bytes.
    @Suite struct RoundedProductTests {
        /// CPU devices by every instruction set that is there, AMX's instructions and AVX-VNNI's emulated where they
        /// are missing.
        private static let all: [TestDevice] =
            [TestDevices.tiles, TestDevices.dots].compactMap { $0 }
            + TestDevices.fused.filter { $0.backend is CPUBackend }

        private static let devices = all.filter { !types($0).isEmpty }

        /// The types of weights to which a device is to round activations.
        private static func types(_ device: TestDevice) -> [DType] {
            switch (device.backend as? CPUBackend)?.instructionSet {
            case .dotprod, .avx2, .avxvnni, .avx512, .avx512vnni: [.int8]
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
            let shortTypes = RoundingTests.shortTypes(device)
            for type in Self.types(device) + shortTypes {
                for (m, n, k) in sizes {
                    let (actual, expected) = try roundedProduct(
                        m, n, k, type, areShorts: shortTypes.contains(type), on: device.backend)
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
            // Where there are those of 16 bits, to these.
            let rounding: Float = RoundingTests.shortTypes(device).isEmpty ? 0 : 5e-4
            for testCase in ConformanceCase.all
            where Self.types(device).contains(testCase.tolerance.weights)
                && !(roundsAttention && testCase.operation == "attention") && testCase.multiplyAddCount <= most
            {
                let representable = testCase.withRepresentableActivations(
                    rounding: testCase.operation == "attention" ? rounding : 0)
                let result = try check(representable, on: device.backend, against: oracle)
                #expect(result.passed, "\(result)")
            }
        }

        @Test(arguments: all.filter { ($0.backend as? CPUBackend)?.instructionSet != .baseline })
        func asIntegersARowWithAnInfinityIsNaNAndNoOther(device: TestDevice) throws {
            let (m, n, k) = (17, 33, 70)
            for type in [DType.int8] + RoundingTests.shortTypes(device) {
                var random = RandomSource(seed: 5)
                let weight = try Tensor(random.array([n, k]), on: device.backend).prepared(for: .linear, as: type)
                var x = random.floats(m * k)
                let expected = try Tensor(x, shape: [m, k], on: device.backend).linear(weight).floats()
                x[3 * k + 69] = .infinity
                let actual = try Tensor(x, shape: [m, k], on: device.backend).linear(weight).floats()
                for index in 0..<m * n {
                    #expect(index / n == 3 ? actual[index].isNaN : actual[index] == expected[index])
                }
            }
        }

        /// The rows and the columns being alike, and as long as their integers may be.
        @Test(arguments: devices) func sumsOfTheLongestIntegersStayWithin32Bits(device: TestDevice) throws {
            for type in RoundingTests.shortTypes(device) {
                for (k, outlier) in [(1024, Float(1.4)), (4096, 1.4), (3001, 1.4), (1024, 44), (1, 1.999), (64, 5.7)] {
                    let x = (0..<k).map { $0 % 700 == 5 ? outlier : Float(1.4) }
                    let rows = try Tensor((0..<9).flatMap { _ in x }, shape: [9, k], on: device.backend)
                    let weight = try Tensor((0..<33).flatMap { _ in x }, shape: [33, k], on: device.backend)
                        .prepared(for: .linear, as: type)
                    let dense = try device.backend.dense(weight).floats()
                    let expected = zip(x, dense).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
                    for value in try rows.linear(weight).floats() {
                        #expect((Double(value) / expected - 1).magnitude < 5e-4, "\(k), \(outlier), \(type)")
                    }
                }
            }
        }

        /// One key weighs 1, all others e⁻¹¹ each: 0.01 together.
        @Test(arguments: devices) func manySmallWeightsOfAttentionDontVanish(device: TestDevice) throws {
            let (keys, size) = (600, 32)
            for type in Self.types(device) + RoundingTests.shortTypes(device) {
                // Scores are 11 and 0, values 0 and 1.
                let rows = (0..<keys).flatMap { key -> [Float] in
                    let query = [Float](repeating: 1, count: size)
                    let step = 11 / Float(size).squareRoot()
                    return query + query.map { $0 * (key == 100 ? step : 0) } + query.map { $0 * (key == 100 ? 0 : 1) }
                }
                let result = try Tensor(rows, shape: [keys, 3 * size], on: device.backend).attention(
                    heads: 1, segments: Segments(lengths: [keys]), precision: type
                ).floats()
                let small = Float(keys - 1) * exp(-11)
                let expected = small / (1 + small)
                // In the block of the one, half a step each of 255 may be missing.
                for value in result { #expect((value - expected).magnitude < 255 * 0.5 / 32767 + 0.02 * expected) }
            }
        }

        /// A query's score for its best key, and what was subtracted from it, differ by the rounding of a large number;
        /// a weight above 1 is more than 16 bits hold. Values that are alike come out as they are, whatever they weigh.
        @Test(arguments: TestDevices.fused + [TestDevices.tiles, TestDevices.dots].compactMap { $0 })
        func weightsOfAttentionAddUpToOneHoweverLargeScoresAre(device: TestDevice) throws {
            let (rows, size) = (70, 17)
            for type in [DType.float32, .bfloat16, .float16, .int8] {
                for scale in [Float(3), 100, 1000, 30_000] {
                    var random = RandomSource(seed: 11)
                    var x = random.floats(rows * 3 * size)
                    for row in 0..<rows {
                        for column in 0..<size {
                            x[row * 3 * size + column] *= scale
                            x[row * 3 * size + 2 * size + column] = Float(column + 1) / 8
                        }
                    }
                    let result = try Tensor(x, shape: [rows, 3 * size], on: device.backend).attention(
                        heads: 1, segments: Segments(lengths: [64, 6]), precision: type
                    ).floats()
                    for (index, value) in result.enumerated() {
                        let expected = Float(index % size + 1) / 8
                        #expect((value / expected - 1).magnitude < 0.01, "\(type), queries of \(scale): \(value)")
                    }
                }
            }
        }

        /// Numbers far from 1 lose no more of themselves than others.
        @Test(arguments: devices) func integersHaveTheRangeOfFloats(device: TestDevice) throws {
            for type in RoundingTests.shortTypes(device) where type == .bfloat16 {
                for (scale, weightScale) in [(Float(1e-30), Float(1e30)), (1e37, 1e-30), (1e18, 1e18), (1e-20, 1e-15)] {
                    var random = RandomSource(seed: 3)
                    let (x, w) = (random.floats(9 * 65), random.floats(33 * 65))
                    func product(_ scale: Float, _ weightScale: Float) throws -> [Float] {
                        let weight = try Tensor(w.map { $0 * weightScale }, shape: [33, 65], on: device.backend)
                            .prepared(for: .linear, as: type)
                        return try Tensor(x.map { $0 * scale }, shape: [9, 65], on: device.backend).linear(weight)
                            .floats()
                    }
                    let (actual, expected) = (try product(scale, weightScale), try product(1, 1))
                    let factor = Double(scale) * Double(weightScale)
                    let largest = expected.map(\.magnitude).max() ?? 0
                    for (a, e) in zip(actual, expected) {
                        #expect((Double(a) / factor - Double(e)).magnitude < 0.01 * Double(largest))
                    }
                }
            }
        }

        @Test(arguments: devices) func numbersTimesAPowerOfTwoHaveProductsTimesIt(device: TestDevice) throws {
            let k = 70
            var random = RandomSource(seed: 3)
            let (x, w) = (random.floats(9 * k), random.floats(33 * k))
            for type in RoundingTests.shortTypes(device) where type == .bfloat16 {
                for exponent in stride(from: -100, through: 100, by: 10) {
                    let factor = Float(sign: .plus, exponent: exponent, significand: 1)
                    func product(_ xFactor: Float, _ weightFactor: Float, rows: Int) throws -> [Float] {
                        let weight = try Tensor(w.map { $0 * weightFactor }, shape: [33, k], on: device.backend)
                            .prepared(for: .linear, as: type)
                        let rows = x.prefix(rows * k).map { $0 * xFactor }
                        return try Tensor(rows, shape: [rows.count / k, k], on: device.backend).linear(weight).floats()
                    }
                    for rows in [ProductTask.fewRows, 9] {
                        let expected = try product(1, 1, rows: rows).map { $0 * factor }
                        #expect(try product(factor, 1, rows: rows) == expected, "2^\(exponent)")
                        #expect(try product(1, factor, rows: rows) == expected, "2^\(exponent)")
                    }
                }
            }
        }

        @Test(arguments: all) func aBackendSaysWhatItRoundsActivationsTo(device: TestDevice) {
            for type in [DType.float32, .float16, .bfloat16, .int8] {
                let isShort = RoundingTests.shortTypes(device).contains(type)
                let expected = isShort ? .float16 : Self.types(device).contains(type) ? type : .float32
                #expect(device.backend.activationType(forWeights: type) == expected)
            }
        }

        @Test(.enabled(if: TestDevices.dots != nil, "AVX-VNNI itself, or no AVX2"))
        func whereDotProductsAreMissingTheyAreEmulated() throws {
            let device = try #require(TestDevices.dots)
            for (rows, type) in [(ProductTask.fewRows, DType.int8), (40, .int8), (40, .bfloat16)] {
                let before = emulated_dot_product_count()
                _ = try roundedProduct(rows, 33, 70, type, areShorts: type == .bfloat16, on: device.backend)
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

/// `[m, k]`, `[n, k]` and their product as a device computes it that rounds activations to the weights' type, or both
/// to integers of 16 bits.
func roundedProduct(
    _ m: Int, _ n: Int, _ k: Int, _ type: DType, areShorts: Bool = false, on backend: any Backend
) throws -> (actual: [Float], expected: [Double]) {
    var random = RandomSource(seed: UInt64(m + n + k))
    let x = (0..<m).flatMap { row in random.floats(k, scale: Float(row + 1)) }
    let prepared = try Tensor(random.array([n, k]), on: backend).prepared(for: .linear, as: type)
    let weight = try backend.dense(prepared).floats()
    let steps = hasDotsOfBytes(backend) ? 254 : bytePairSteps(weight, k)
    func rows(_ values: [Float], _ body: (ArraySlice<Float>) -> [Double]) -> [Double] {
        stride(from: 0, to: values.count, by: k).flatMap { body(values[$0..<$0 + k]) }
    }
    let left: [Double]
    if areShorts {
        left = rows(x, asShorts)
    } else {
        left = rows(x) { row in
            guard type == .int8 else { return row.map { Double(Float(bitPattern: UInt32($0.bfloat16Bits) << 16)) } }
            // From the row's smallest number, or 0, to its largest.
            let scale = Float(steps) / 2 / (max(row.max() ?? 0, 0) / 2 - min(row.min() ?? 0, 0) / 2)
            return row.map { (Double($0) * Double(scale)).rounded(.toNearestOrEven) / Double(scale) }
        }
    }
    let right = weight.map(Double.init)
    let expected = (0..<m * n).map { index in
        (0..<k).reduce(0.0) { $0 + left[index / n * k + $1] * right[index % n * k + $1] }
    }
    return (try Tensor(x, shape: [m, k], on: backend).linear(prepared).floats(), expected)
}

/// Multiples of the smallest power of two with which they are integers of 16 bits, and no 1024 of them from a multiple
/// of that on are longer than 46000.
func asShorts(_ row: ArraySlice<Float>) -> [Double] {
    let lengths = stride(from: row.startIndex, to: row.endIndex, by: 1024).map { start in
        row[start..<min(start + 1024, row.endIndex)].reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    }
    let largest = Double(row.map(\.magnitude).max() ?? 0)
    guard largest > 0 else { return row.map { Double($0) } }
    let scale = exp2(log2(min(46_000 / (lengths.max() ?? 0), 32_767 / largest)).rounded(.down))
    return row.map { (Double($0) * scale).rounded(.toNearestOrEven) / scale }
}

/// Whether a CPU adds four products of bytes up within 32 bits.
private func hasDotsOfBytes(_ backend: any Backend) -> Bool {
    switch (backend as? CPUBackend)?.instructionSet {
    case .dotprod, .avxvnni, .avx512vnni, .avx512bf16: true
    case .amx: Processor.current.supports(.avx512vnni)
    case .baseline, .avx2, .avx512, nil: false
    }
}

/// The most steps, an even number, with which two products of bytes and of neighbouring weights add up within 16 bits,
/// also where rounding adds a step.
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
