/// The rows of keys and values that each query of an attention sees, on a device.
///
/// A cache of keys and values never moves: what a beam has seen so far is a list of rows, so that reordering beams is
/// reordering lists. Queries that see a stretch of rows, as all queries of an utterance do, list it too.
public struct AttendedRows: Sendable {
    /// One list a query, none empty.
    public let lists: [[Int32]]
    /// All lists one after another: int32 `[Σ counts]`.
    public let rows: Tensor
    /// Where each query's list begins in `rows`, and where the last one ends: int32 `[queries + 1]`.
    public let starts: Tensor
    /// Length of the longest list.
    public let longest: Int
    /// What all row numbers are in.
    private let bounds: ClosedRange<Int32>

    /// - Throws: `TensorError` when a list is empty or there are more than 2³¹ rows in all.
    public init(_ lists: [[Int32]], on backend: any Backend) throws {
        var starts: [Int32] = [0]
        var end: Int32 = 0
        for list in lists {
            let (next, overflow) = end.addingReportingOverflow(Int32(clamping: list.count))
            guard !list.isEmpty, !overflow else {
                throw TensorError(
                    .invalidArgument, operation: "rowAttention", "a query attends to no rows, or all to too many")
            }
            end = next
            starts.append(end)
        }
        self.lists = lists
        rows = try Tensor(lists.flatMap(\.self), on: backend)
        self.starts = try Tensor(starts, on: backend)
        longest = lists.reduce(0) { max($0, $1.count) }
        let extremes = lists.map { ($0.min() ?? 0, $0.max() ?? 0) }
        let least = extremes.map(\.0).min() ?? 0
        bounds = least...(extremes.map(\.1).max() ?? least)
    }

    /// The same rows as another backend over the same memory knows them.
    package init(_ other: AttendedRows, rows: Tensor, starts: Tensor) {
        lists = other.lists
        longest = other.longest
        bounds = other.bounds
        self.rows = rows
        self.starts = starts
    }

    /// Whether all rows are among the first `rowCount`.
    func validate(rowCount: Int) -> Bool {
        lists.isEmpty || bounds.lowerBound >= 0 && Int(bounds.upperBound) < rowCount
    }
}
