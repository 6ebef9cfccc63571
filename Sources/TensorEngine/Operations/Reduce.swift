public enum ReduceKind: String, Sendable, CaseIterable {
    /// Derivative: `1`.
    case sum
    /// Derivative: `1 / n`.
    case mean
    /// Derivative: 1 at the first largest. A NaN wins.
    case maximum
}

extension Tensor {
    /// Over the last axis: `[…, n]` → `[…, 1]`. An empty row sums to 0; its maximum is -∞, its mean NaN.
    public func reduced(_ kind: ReduceKind) throws -> Tensor {
        try requireFloat32("reduce")
        guard shape.rank >= 1 else {
            throw TensorError(.invalidArgument, operation: "reduce", "a scalar has no axis", shapes: [shape])
        }
        let result = try Tensor.uninitialized(Shape(shape.dimensions.dropLast() + [1]), on: backend)
        try backend.reduce(kind, self, into: result)
        return result
    }

    /// The index of the largest element of each row, the first of equals; a NaN wins: `[…, n]` → int32 `[…]`.
    public func argmax() throws -> Tensor {
        try requireFloat32("argmax")
        guard shape.columns > 0, shape.rank >= 1 else {
            throw TensorError(.invalidArgument, operation: "argmax", "rows are empty", shapes: [shape])
        }
        let result = try Tensor.uninitialized(Shape(Array(shape.dimensions.dropLast())), dtype: .int32, on: backend)
        try backend.argmax(self, into: result)
        return result
    }
}
