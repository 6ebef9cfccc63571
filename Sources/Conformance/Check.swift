import TensorEngine

/// What checking one case on one device gave.
public struct CaseResult: Sendable, CustomStringConvertible {
    public let description: String
    /// The largest |Δ| against the oracle, and what was allowed where it occurred.
    public let largestError: Float
    public let allowedError: Float
    /// The first element beyond its tolerance.
    public let firstBadIndex: Int?
    /// What is wrong, in words; nil when the case passed.
    public let failure: String?

    public var passed: Bool { failure == nil }
}

/// A case's operands and what the oracle makes of them, the same for every device.
public struct Expectation: Sendable {
    let testCase: ConformanceCase
    let inputs: [HostArray]
    let values: [Float]
    let shape: Shape
    let dtype: DType
    /// Rows that the contract defines.
    let definedRows: [Int]
    /// Those of them that the oracle computed.
    let rows: [Int]
    let columnSums: [Double]?

    /// - Parameter oracle: above its `multiplyAddLimit` it computes sampled rows only.
    public init(_ testCase: ConformanceCase, by oracle: ReferenceBackend) throws {
        self.testCase = testCase
        inputs = testCase.inputs()
        let reference = try testCase.prepare(inputs, on: oracle)()
        (values, shape, dtype) = (try reference.floats(), reference.shape, reference.dtype)
        let sampled = oracle.sampledRows(of: shape.rows, multiplyAdds: testCase.multiplyAddCount)
        definedRows = testCase.definedRows ?? Array(0..<shape.rows)
        rows = Set(definedRows).intersection(sampled).sorted()
        columnSums = testCase.columnSums?(inputs)
    }
}

/// `check(_:on:)` of a case on one device.
public func check(
    _ testCase: ConformanceCase, on backend: any Backend, against oracle: ReferenceBackend
) throws -> CaseResult {
    try check(Expectation(testCase, by: oracle), on: backend)
}

/// Runs a case twice and compares with the oracle: values, bit for bit the second time, and guard bytes intact.
///
/// Above the oracle's `multiplyAddLimit` the sampled rows are compared, and the sum of every column where the case
/// knows it. Recycled memory is filled with NaN before the first run and with a number before the second, so that an
/// element that was never written shows.
public func check(_ expected: Expectation, on backend: any Backend) throws -> CaseResult {
    let (testCase, shape) = (expected.testCase, expected.shape)
    let damagedBefore = backend.pool.statistics.damagedGuardCount
    let (first, second, actual) = try runTwice(
        testCase, expected.inputs, on: backend, resultByteCount: shape.count * expected.dtype.byteSize)
    guard actual == "\(shape) \(expected.dtype)" else {
        return CaseResult(testCase, failure: "result is \(actual), not \(shape) \(expected.dtype)")
    }
    var comparison = Comparison(
        testCase.tolerance.on(backend), expected: expected.values, rows: expected.rows, columns: shape.columns)
    comparison.compare(first, with: expected.values)
    var failure = comparison.failure
    if failure == nil, let columnSums = expected.columnSums {
        failure = comparison.sumFailure(first, columnSums, rows: expected.definedRows)
    }
    if failure == nil, !areIdentical(first, second, rows: expected.definedRows, columns: shape.columns) {
        failure = "two runs differ"
    }
    let damaged = backend.pool.statistics.damagedGuardCount - damagedBefore
    if damaged > 0 { failure = "\(damaged) storages were written beyond their end" }
    return CaseResult(testCase, comparison, failure: failure)
}

/// In a function of its own so that every storage is back in the pool, its guard checked, when it returns.
private func runTwice(
    _ testCase: ConformanceCase, _ inputs: [HostArray], on backend: any Backend, resultByteCount: Int
) throws -> (first: [Float], second: [Float], shapeAndType: String) {
    let operation = try testCase.prepare(inputs, on: backend)
    let poisonShape: Shape = [(resultByteCount + 3) / 4]
    try fillRecycled(.nan, shape: poisonShape, on: backend)
    let first = try operation()
    let values = try first.floats()
    try fillRecycled(12345, shape: poisonShape, on: backend)
    return (values, try operation().floats(), "\(first.shape) \(first.dtype)")
}

/// Fills the blocks that an operation and what it makes on the way will get from the pool.
private func fillRecycled(_ value: Float, shape: Shape, on backend: any Backend) throws {
    _ = try (0..<4).map { _ in try Tensor.filled(value, shape: shape, on: backend) }
}

private func areIdentical(_ a: [Float], _ b: [Float], rows: [Int], columns: Int) -> Bool {
    for row in rows {
        for index in row * columns..<(row + 1) * columns where a[index].bitPattern != b[index].bitPattern {
            return false
        }
    }
    return true
}

private struct Comparison {
    let tolerance: Tolerance
    let rows: [Int]
    let columns: Int
    let largestExpected: Float
    var largestError: Float = 0
    var allowedError: Float = 0
    var firstBadIndex: Int?
    var failure: String?

    init(_ tolerance: Tolerance, expected: [Float], rows: [Int], columns: Int) {
        self.tolerance = tolerance
        self.rows = rows
        self.columns = columns
        var largest: Float = 0
        for row in rows {
            for index in row * columns..<(row + 1) * columns where expected[index].isFinite {
                largest = max(largest, expected[index].magnitude)
            }
        }
        largestExpected = largest
    }

    mutating func compare(_ actual: [Float], with expected: [Float]) {
        for row in rows {
            for index in row * columns..<(row + 1) * columns {
                compare(actual[index], with: expected[index], at: index)
            }
        }
    }

    private mutating func compare(_ actual: Float, with expected: Float, at index: Int) {
        let mayBeNaN = expected.isNaN || expected.isInfinite && tolerance.allowsNaNForInfinity
        guard actual != expected, !(actual.isNaN && mayBeNaN) else { return }
        let allowed = tolerance.allowed(expected, largest: largestExpected)
        let error = expected.isFinite && actual.isFinite ? (actual - expected).magnitude : .infinity
        if error > largestError { (largestError, allowedError) = (error, allowed) }
        guard !(error.isFinite && error <= allowed), firstBadIndex == nil else { return }
        firstBadIndex = index
        failure =
            "row \(index / columns), column \(index % columns): \(actual), not \(expected); allowed is ±\(allowed)"
    }

    /// A wrong row that was not sampled moves the column sums by about the size of an element, which is far beyond
    /// what the rounding errors of all rows, mostly of random signs, add up to.
    func sumFailure(_ actual: [Float], _ expected: [Double], rows: [Int]) -> String? {
        var sums = [Double](repeating: 0, count: columns)
        for row in rows {
            for column in 0..<columns { sums[column] += Double(actual[row * columns + column]) }
        }
        let element = Double(tolerance.allowed(largestExpected, largest: largestExpected))
        let allowed = 4 * element * Double(rows.count).squareRoot()
        for column in 0..<columns where !((sums[column] - expected[column]).magnitude <= allowed) {
            return "the sum of column \(column) is \(sums[column]), not \(expected[column]); allowed is ±\(allowed)"
        }
        return nil
    }
}

extension CaseResult {
    fileprivate init(_ testCase: ConformanceCase, _ comparison: Comparison? = nil, failure: String?) {
        let largestError = comparison?.largestError ?? .infinity
        self.init(
            description: "\(testCase): \(failure ?? "ok, largest error \(largestError)")", largestError: largestError,
            allowedError: comparison?.allowedError ?? 0, firstBadIndex: comparison?.firstBadIndex, failure: failure)
    }
}
