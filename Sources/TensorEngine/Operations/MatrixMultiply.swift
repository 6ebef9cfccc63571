extension Tensor {
    /// `self · other` for each member of a batch: `[batch, m, k]` × `[batch, k, n]` → `[batch, m, n]`,
    /// or × `[batch, n, k]` when `transposed`. Two matrices work without a batch axis.
    public func matmul(_ other: Tensor, transposed: Bool = false) throws -> Tensor {
        try requireFloat32("matmul")
        try other.requireFloat32("matmul")
        try backend.check(other, operation: "matmul")
        let rank = shape.rank
        guard rank == other.shape.rank, rank == 2 || rank == 3, rank == 2 || shape[0] == other.shape[0],
            shape.columns == other.shape[transposed ? rank - 1 : rank - 2]
        else {
            throw TensorError(
                .invalidArgument, operation: "matmul", "inner sizes differ", shapes: [shape, other.shape],
                device: backend.device)
        }
        let columns = other.shape[transposed ? rank - 2 : rank - 1]
        let result = try Tensor.uninitialized(Shape(shape.dimensions.dropLast() + [columns]), on: backend)
        try backend.matmul(self, other, transposed: transposed, into: result)
        return result
    }
}
