import Conformance
import CPUBackends
import TensorEngine

/// What one operation took on one device.
struct OperationReport: Codable {
    let operation: String
    let name: String
    let device: String
    /// nil when the result was wrong.
    var timing: Timing?
    /// Float operations of its products; 0 for operations that only move and map.
    let operationCount: Int
    let byteCount: Int
    /// Of the measured arithmetic peak, or of the memory's read rate for what only moves and maps.
    var shareOfPeak: Double?
    /// What was wrong with the result.
    var failure: String?

    /// GFLOP/s, or GB/s of operands and results.
    func rate(_ seconds: Double) -> Double {
        Double(operationCount > 0 ? operationCount : byteCount) / seconds / 1e9
    }

    var rateUnit: String { operationCount > 0 ? "GFLOP/s" : "GB/s" }
}

/// Times the cases of the conformance list at the sizes of XLS-R.
struct OperationBenchmark {
    private let cases: [ConformanceCase]
    private let filter: String?
    private let peak: MachinePeak?
    private let table = Table(widths: [22, 11, 17, 14, 9])

    init(_ options: BenchmarkOptions, peak: MachinePeak?) {
        filter = options.filter
        cases = ConformanceCase.all(.large).filter { testCase in
            options.filter.map { testCase.description.contains($0) } ?? true
        }
        self.peak = peak
    }

    func run(on backends: [any Backend]) throws -> [OperationReport] {
        if cases.isEmpty, let filter { Console.output("\nno operation's name contains \(filter)") }
        let oracle = ConformanceCase.makeOracle()
        var reports: [OperationReport] = []
        var heading: String?
        for testCase in cases {
            if heading != testCase.operation {
                heading = testCase.operation
                Console.output("\n" + table.row([testCase.operation, "median ms", "min–max ms", "rate", "of peak"]))
            }
            Console.output("  \(testCase.name)")
            for backend in backends {
                let report = try report(testCase, on: backend, oracle: oracle)
                Console.output(row(report))
                reports.append(report)
                backend.pool.trim()
            }
        }
        if !cases.isEmpty {
            Console.output(
                "\nof peak: of the multiply-adds, or of the memory reads, above; data in cache exceeds the latter")
        }
        return reports
    }

    private func report(
        _ testCase: ConformanceCase, on backend: any Backend, oracle: ReferenceBackend
    ) throws -> OperationReport {
        let checked = try check(testCase, on: backend, against: oracle)
        let inputs = testCase.inputs()
        let operation = try testCase.prepare(inputs, on: backend)
        var report = OperationReport(
            operation: testCase.operation, name: testCase.name, device: "\(backend.device)",
            operationCount: testCase.floatingPointOperationCount,
            byteCount: testCase.byteCount(inputs: inputs, result: try operation()), failure: checked.failure)
        guard checked.passed else { return report }
        let timing = try Timing(runCount: 5, leastSeconds: 0.3, mostRuns: 100, warmUpSeconds: 0.1) {
            _ = try operation()
            try backend.synchronize()
        }
        report.timing = timing
        let weights = testCase.tolerance.weights
        let best =
            report.operationCount > 0 ? peak?.operationsPerSecond(forWeights: weights) : peak?.readBytesPerSecond
        report.shareOfPeak = best.map { report.rate(timing.median) * 1e9 / $0 }
        return report
    }

    private func row(_ report: OperationReport) -> String {
        guard let timing = report.timing else { return "    \(report.device): wrong: \(report.failure ?? "")" }
        return table.row([
            "    " + report.device, Table.number(timing.median * 1e3),
            "\(Table.number(timing.minimum * 1e3))–\(Table.number(timing.maximum * 1e3))",
            "\(Table.number(report.rate(timing.median))) \(report.rateUnit)", Table.percent(report.shareOfPeak),
        ])
    }
}
