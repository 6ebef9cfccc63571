import Conformance
import TensorEngine
import Testing

/// The shared case list on every device that is present. One case at a time: a device's pool and counters are shared.
@Suite(.serialized) struct ConformanceTests {
    static let operations = Set(ConformanceCase.all.map(\.operation)).sorted()
    static let fusedOperations = [
        "linear", "layerNorm", "softmax", "channelStatistics", "channelNorm", "convolution", "groupedConvolution",
        "attention", "rowAttention", "append",
    ]

    /// A debug build would take minutes for the true shapes, and the oracle would only meet itself.
    #if DEBUG
        static let largeCases: [ConformanceCase] = []
    #else
        static let largeCases = ConformanceCase.all(.large)
    #endif

    @Test(arguments: operations) func everySmallCaseMatchesTheOracle(operation: String) throws {
        let cases = ConformanceCase.all(.small).filter { $0.operation == operation }
        #expect(!cases.isEmpty)
        try expectConformance(cases) { _ in TestDevices.present }
    }

    @Test(arguments: Set(largeCases.map(\.operation)).sorted())
    func everyLargeCaseMatchesTheOracle(operation: String) throws {
        let cases = Self.largeCases.filter { $0.operation == operation }
        let devices = TestDevices.fused.filter { $0.backend.device != .reference }
        // Kernels whose threads share memory take a processor ten times as long as others: a largest one alone.
        let largest = cases.max { $0.multiplyAddCount < $1.multiplyAddCount }?.description
        try expectConformance(cases) { testCase in
            devices.filter { $0.name != "opencl tiled" || testCase.description == largest }
        }
    }

    /// Case by case, so that the oracle computes each once.
    private func expectConformance(
        _ cases: [ConformanceCase], on devices: (ConformanceCase) -> [TestDevice]
    ) throws {
        // Some twenty devices stay open until the last test.
        defer { for device in TestDevices.present { device.backend.pool.trim() } }
        let oracle = ConformanceCase.makeOracle()
        for testCase in cases {
            let expected = try Expectation(testCase, by: oracle)
            for device in devices(testCase) {
                let result = try check(expected, on: device.backend)
                #expect(result.passed, "\(device): \(result)")
            }
        }
    }

    @Test(arguments: TestDevices.fused, fusedOperations)
    func fusedOperationsRunTheirFastPath(device: TestDevice, operation: String) throws {
        let testCase = try #require(ConformanceCase.all(.small).last { $0.operation == operation })
        let primitives = PrimitivesBackend(device.backend)
        for (backend, isFused) in [(device.backend, true), (primitives, false)] as [(any Backend, Bool)] {
            let run = try testCase.prepare(on: backend)
            backend.counters.reset()
            _ = try run()
            #expect((backend.counters[.defaultBodies] == 0) == isFused)
        }
    }

    @Test func requiredDevicesArePresent() {
        for (name, reason) in TestDevices.absent { print("device \(name) is absent: \(reason)") }
        let present = TestDevices.fused.map(\.name)
        for name in TestDevices.required {
            let reason = TestDevices.absent.first { $0.name == name }?.reason ?? "no such device"
            #expect(present.contains(name), "\(name) is required by XLSR_REQUIRE_DEVICES: \(reason)")
        }
    }

    @Test func everyRequirementHasCasesWithNamesOfTheirOwn() {
        let expected = Set(Self.fusedOperations).union([
            "fill", "convert", "unary", "binary", "reduce", "argmax", "matmul", "permute", "concatenate", "gather",
            "scatterAdd", "prepare",
        ])
        #expect(Set(Self.operations) == expected)
        #expect(Set(ConformanceCase.all.map(\.description)).count == ConformanceCase.all.count)
    }

    @Test func inputsAreTheSameEachTime() throws {
        let testCase = try #require(ConformanceCase.all.first { $0.operation == "matmul" && $0.multiplyAddCount > 100 })
        #expect(testCase.inputs().map { $0.floats() } == testCase.inputs().map { $0.floats() })
    }
}
