extension Tensor {
    /// Row i of the result is row `indices[i]` of this `[rows, columns]`; zeros for -1.
    public func gathered(rows indices: [Int32]) throws -> Tensor {
        try requireFloat32("gather")
        try validate(indices, rows: shape.dimensions.first ?? 0, operation: "gather")
        let result = try Tensor.uninitialized([indices.count, shape[1]], on: backend)
        try backend.gather(self, rows: Tensor(indices, on: backend), into: result)
        return result
    }

    /// Row i of this `[count, columns]` is added to row `indices[i]` of a zeroed `[rows, columns]`; -1 drops it.
    public func scatteredAdding(toRows indices: [Int32], of rows: Int) throws -> Tensor {
        try requireFloat32("scatterAdd")
        try validate(indices, rows: rows, operation: "scatterAdd")
        guard indices.count == shape[0] else {
            throw TensorError(
                .invalidArgument, operation: "scatterAdd", "\(indices.count) indices for \(shape[0]) rows",
                shapes: [shape])
        }
        let result = try Tensor.uninitialized([rows, shape[1]], on: backend)
        try backend.scatterAdd(self, rows: Tensor(indices, on: backend), into: result)
        return result
    }

    private func validate(_ indices: [Int32], rows: Int, operation: String) throws {
        guard shape.rank == 2, indices.allSatisfy({ $0 >= -1 && Int($0) < rows }) else {
            throw TensorError(
                .invalidArgument, operation: operation, "not a matrix, or a row index out of range", shapes: [shape],
                device: backend.device)
        }
    }
}

extension Backend {
    /// The same rows again.
    func copy(_ x: Tensor, into result: Tensor) throws {
        try gather(x, rows: Tensor((0..<x.shape.rows).map(Int32.init), on: self), into: result)
    }
}
