/// The keys and values of one attention, `[rows, 2 · width]`, that grow by some rows a step.
///
/// Rows stay where they are once written. The tensor never leaves this object but as an operand, so appending may
/// write in place; an operation that was enqueued before reads rows that no later one writes.
public final class KeyValueCache {
    private var storage: Tensor
    /// Rows that were appended so far.
    public private(set) var count = 0

    /// - Parameter capacity: rows to have room for at first.
    public init(capacity: Int, columns: Int, on backend: any Backend) throws {
        storage = try .uninitialized([max(1, capacity), columns], on: backend)
    }

    /// Keys and values `[rows, 2 · width]` that are all there at once.
    /// - Throws: `TensorError` for a tensor of another rank.
    public init(_ rows: Tensor) throws {
        guard rows.shape.rank == 2 else {
            throw TensorError(
                .invalidArgument, operation: "KeyValueCache", "must be [rows, 2 · width]", shapes: [rows.shape],
                device: rows.backend.device)
        }
        storage = rows
        count = rows.shape[0]
    }

    /// Writes `x` `[rows, 2 · width]` after the rows that are there.
    /// - Returns: where they are.
    public func append(_ x: Tensor) throws -> Range<Int> {
        try x.requireFloat32("append")
        try storage.backend.check(x, operation: "append")
        guard x.shape.rank == 2, x.shape[1] == storage.shape[1] else {
            throw TensorError(
                .invalidArgument, operation: "append", "the columns differ", shapes: [x.shape, storage.shape],
                device: storage.backend.device)
        }
        let rows = count..<count + x.shape[0]
        if rows.upperBound > storage.shape[0] {
            var larger = try Tensor.uninitialized(
                [max(rows.upperBound, 2 * storage.shape[0]), storage.shape[1]], on: storage.backend)
            try larger.backend.append(storage, at: 0, of: &larger)
            storage = larger
        }
        if !rows.isEmpty { try storage.backend.append(x, at: rows.lowerBound, of: &storage) }
        count = rows.upperBound
        return rows
    }

    /// `softmax(Q·Kᵀ / √size) · V` a head, of each query over its own rows: `[queries, width]` → `[queries, width]`.
    /// Vaswani et al. 2017, equation 1.
    /// - Throws: `TensorError` when a list names rows that aren't there, or sizes don't fit.
    public func attention(_ query: Tensor, rows: AttendedRows, heads: Int) throws -> Tensor {
        try query.rowAttention(storage, rows: rows, rowCount: count, heads: heads)
    }
}

extension Backend {
    /// By way of a fresh tensor: the rows before, the new ones, the rows after.
    public func append(_ x: Tensor, at row: Int, of cache: inout Tensor) throws {
        counters.add(.defaultBodies)
        let (end, rows) = (row + x.shape[0], cache.shape[0])
        let parts = try [
            cache.gathered(rows: (0..<row).map(Int32.init)), x, cache.gathered(rows: (end..<rows).map(Int32.init)),
        ]
        cache = try .concatenated(parts.filter { $0.shape[0] > 0 })
    }
}
