import Backends
import Conformance
import TensorEngine

let device = Device(CommandLine.arguments.count > 1 ? CommandLine.arguments[1] : "simd") ?? .simd
let set = CommandLine.arguments.count > 2 ? CommandLine.arguments[2] : nil
let size: ConformanceCase.Size = CommandLine.arguments.count > 3 ? .large : .small
let backend = try BackendRegistry.open(device, options: .init(instructionSet: set, guardByteCount: 64))
print(backend.summary)
let oracle = ConformanceCase.makeOracle()
var failed = 0
let clock = ContinuousClock()
for testCase in ConformanceCase.all(size) {
    let start = clock.now
    let result = try check(testCase, on: backend, against: oracle)
    if !result.passed { failed += 1; print(result) }
    if size == .large {
        let op = try testCase.prepare(on: backend)
        var best = Double.infinity
        for _ in 0..<5 { let t = clock.now; _ = try op(); let d = t.duration(to: clock.now); best = min(best, Double(d.components.attoseconds) * 1e-18 + Double(d.components.seconds)) }
        print(testCase, "best ms", best * 1e3, "GFLOP/s", Double(testCase.floatingPointOperationCount) / best / 1e9, start.duration(to: clock.now))
    }
}
print(ConformanceCase.all(size).count, "cases,", failed, "failed")
