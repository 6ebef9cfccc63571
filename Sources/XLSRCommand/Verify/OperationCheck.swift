import Conformance
import TensorEngine
import XLSR

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

    /// The cases of those sizes of every operation whose name contains the text.
    /// - Throws: `UsageError` when there are none.
    static func cases(of operation: String?, sizes: [ConformanceCase.Size]) throws -> [ConformanceCase] {
        let all = ConformanceCase.all.filter { sizes.contains($0.size) }
        guard let operation else { return all }
        let cases = all.filter { $0.operation.contains(operation) }
        guard !cases.isEmpty else {
            let names = Set(all.map(\.operation)).sorted().joined(separator: ", ")
            throw UsageError("--filter: no operation's name contains \(singleQuoted(operation)); there are \(names)")
        }
        return cases
    }

    /// Prints a table of the operations, and what failed.
    /// - Returns: what is wrong, in words; nil when all passed.
    static func run(_ cases: [ConformanceCase], on backend: any Backend, verbosity: Verbosity) throws -> String? {
        let oracle = ConformanceCase.makeOracle()
        var rows: [Row] = []
        var lost: String?
        for (index, testCase) in cases.enumerated() {
            ProgressBar.show("\(testCase)", index, of: cases.count)
            // Before it runs, so that one that never ends is known.
            if verbosity == .verbose { Terminal.note("\(testCase)") }
            let place = rows.firstIndex { $0.operation == testCase.operation } ?? rows.endIndex
            if place == rows.endIndex { rows.append(Row(operation: testCase.operation)) }
            let outcome = Result { try check(testCase, on: backend, against: oracle) }
            rows[place].add(testCase, outcome)
            // A device with little memory keeps none of the last case's.
            backend.pool.trim()
            if case .failure = outcome, isLost(backend) {
                lost = "device \(backend.device) was lost in \(testCase), case \(index + 1) of \(cases.count)"
                break
            }
        }
        try Terminal.printResult(table(rows, isVerbose: verbosity == .verbose))
        let (products, ofLibrary) = (backend.counters[.products], backend.counters[.libraryProducts])
        if ofLibrary > 0 { try Terminal.printResult("\(ofLibrary) of \(products) products by a library\n") }
        for failure in rows.flatMap(\.failures) { try Terminal.printResult("failed: \(failure)\n") }
        let failureCount = rows.reduce(0) { $0 + $1.failures.count }
        if let lost { return lost }
        guard failureCount > 0 else {
            try Terminal.printResult("all \(cases.count) cases of operations are right\n")
            return nil
        }
        return "\(failureCount) of \(cases.count) cases of operations failed"
    }

    /// Whether a failure has left a device that takes nothing any more, as one on CUDA does.
    private static func isLost(_ backend: any Backend) -> Bool {
        do {
            return try Tensor(HostArray([1] as [Float], shape: [1]), on: backend).floats() != [1]
        } catch {
            return (error as? TensorError)?.kind == .deviceFailure
        }
    }

    private static func table(_ rows: [Row], isVerbose: Bool) -> String {
        let title = "operation"
        let width = 2 + max(title.count, rows.map(\.operation.count).max() ?? 0)
        let header = padded(title, width) + "cases  failed  error / allowed\n"
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
