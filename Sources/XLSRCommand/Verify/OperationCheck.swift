import Conformance
import TensorEngine

/// The conformance cases of every operation on one device.
enum OperationCheck {
    fileprivate struct Row {
        let operation: String
        var caseCount = 0
        var failures: [String] = []
        /// The largest error as a share of what is allowed.
        var worstShare: Float = 0
        var worstCase = ""
    }

    /// Prints a table of the operations, and what failed.
    /// - Returns: what is wrong, in words; nil when all passed.
    static func run(
        on backend: any Backend, sizes: [ConformanceCase.Size], verbosity: Verbosity
    ) throws -> String? {
        let cases = ConformanceCase.all.filter { sizes.contains($0.size) }
        let oracle = ConformanceCase.makeOracle()
        var rows: [Row] = []
        for (index, testCase) in cases.enumerated() {
            ProgressBar.show("\(testCase)", index, of: cases.count)
            let place = rows.firstIndex { $0.operation == testCase.operation } ?? rows.endIndex
            if place == rows.endIndex { rows.append(Row(operation: testCase.operation)) }
            rows[place].add(testCase, Result { try check(testCase, on: backend, against: oracle) })
            // A device with little memory keeps none of the last case's.
            backend.pool.trim()
        }
        try Terminal.printResult(table(rows, isVerbose: verbosity == .verbose))
        for failure in rows.flatMap(\.failures) { try Terminal.printResult("failed: \(failure)\n") }
        let failureCount = rows.reduce(0) { $0 + $1.failures.count }
        guard failureCount > 0 else {
            try Terminal.printResult("all \(cases.count) cases of operations are right\n")
            return nil
        }
        return "\(failureCount) of \(cases.count) cases of operations failed"
    }

    private static func table(_ rows: [Row], isVerbose: Bool) -> String {
        let width = 2 + (rows.map(\.operation.count).max() ?? 0)
        let header = padded("operation", width) + "cases  failed  error / allowed\n"
        return header
            + rows.map { row in
                padded(row.operation, width) + leftPadded("\(row.caseCount)", 5)
                    + leftPadded("\(row.failures.count)", 8)
                    + leftPadded(decimal(Double(row.worstShare), 3), 17)
                    + (isVerbose && !row.worstCase.isEmpty ? "  \(row.worstCase)" : "") + "\n"
            }.joined()
    }
}

extension OperationCheck.Row {
    fileprivate mutating func add(_ testCase: ConformanceCase, _ outcome: Result<CaseResult, any Error>) {
        caseCount += 1
        switch outcome {
        case .failure(let error): failures.append("\(testCase): \(error)")
        case .success(let result):
            if !result.passed { failures.append(result.description) }
            guard result.largestError > 0 else { return }
            let share = result.allowedError > 0 ? result.largestError / result.allowedError : .infinity
            if share > worstShare { (worstShare, worstCase) = (share, testCase.name) }
        }
    }
}
