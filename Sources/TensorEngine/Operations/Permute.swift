extension Tensor {
    /// Reorders the axes: axis i of the result is axis `axes[i]` of this tensor. Up to four axes.
    public func permuted(_ axes: [Int]) throws -> Tensor {
        try requireFloat32("permute")
        guard axes.sorted() == Array(0..<shape.rank), shape.rank <= 4 else {
            throw TensorError(
                .invalidArgument, operation: "permute", "\(axes) is no order of the axes", shapes: [shape])
        }
        let result = try Tensor.uninitialized(Shape(axes.map { shape[$0] }), on: backend)
        try backend.permute(self, axes: axes, into: result)
        return result
    }
}
