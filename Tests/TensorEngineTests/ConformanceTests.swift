import Conformance
import TensorEngine
import Testing

@Suite(.serialized) struct ConformanceTests {
    static let operations = Set(ConformanceCase.all.map(\.operation)).sorted()

    @Test(arguments: TestDevices.present, operations)
    func everySmallCaseMatchesTheOracle(device: TestDevice, operation: String) throws {
        let cases = ConformanceCase.all(.small).filter { $0.operation == operation }
        #expect(!cases.isEmpty)
        let oracle = ConformanceCase.makeOracle()
        for testCase in cases {
            let result = try check(testCase, on: device.backend, against: oracle)
            #expect(result.passed, "\(device): \(result)")
        }
    }
}
