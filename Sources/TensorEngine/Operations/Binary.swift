public enum BinaryKind: String, Sendable, CaseIterable {
    /// Derivatives: `1`, `1`.
    case add
    /// Derivatives: `1`, `-1`.
    case subtract
    /// Derivatives: `b`, `a`.
    case multiply
    /// Derivatives: `1 / b`, `-a / b²`.
    case divide
    /// Derivatives: `a ≥ b`, `a < b`. A NaN on either side wins.
    case maximum
    /// Derivatives: `a ≤ b`, `a > b`. A NaN on either side wins.
    case minimum
}

/// How the second operand of a binary operation is spread over the first.
public enum BinarySpread: Sendable {
    case same
    /// `[columns]`: one number a column.
    case row
    /// `[rows, 1]`: one number a row.
    case column
    case scalar

    /// nil when `b` can't be spread over `a`.
    public init?(_ a: Shape, _ b: Shape) {
        if a == b {
            self = .same
        } else if b.count == 1 {
            self = .scalar
        } else if b.count == b.columns, b.columns == a.columns {
            self = .row
        } else if b.rank == a.rank, b.columns == 1, b.dimensions.dropLast() == a.dimensions.dropLast() {
            self = .column
        } else {
            return nil
        }
    }
}

extension Tensor {
    /// `self ∘ other`, with `other` as large as this, a row `[columns]`, a column `[…, 1]` or one element.
    public func binary(_ kind: BinaryKind, _ other: Tensor) throws -> Tensor {
        try requireFloat32("binary")
        try other.requireFloat32("binary")
        try backend.check(other, operation: "binary")
        guard BinarySpread(shape, other.shape) != nil else {
            throw TensorError(.invalidArgument, operation: "binary", "can't spread", shapes: [shape, other.shape])
        }
        let result = try Tensor.uninitialized(shape, on: backend)
        try backend.binary(kind, self, other, into: result)
        return result
    }

    public func adding(_ other: Tensor) throws -> Tensor { try binary(.add, other) }
    public func multiplied(by other: Tensor) throws -> Tensor { try binary(.multiply, other) }
}
