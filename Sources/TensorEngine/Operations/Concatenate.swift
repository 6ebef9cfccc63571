extension Tensor {
    /// The rows of several tensors under each other: `[rows₁, …]`, `[rows₂, …]`, … → `[Σ rows, …]`.
    public static func concatenated(_ parts: [Tensor]) throws -> Tensor {
        guard let first = parts.first, first.shape.rank >= 1,
            parts.allSatisfy({ $0.shape.dimensions.dropFirst() == first.shape.dimensions.dropFirst() })
        else {
            throw TensorError(
                .invalidArgument, operation: "concatenate", "the rows don't fit", shapes: parts.map(\.shape))
        }
        for part in parts {
            try part.requireFloat32("concatenate")
            try first.backend.check(part, operation: "concatenate")
        }
        let rows = parts.reduce(0) { $0 + $1.shape[0] }
        let result = try uninitialized(Shape([rows] + first.shape.dimensions.dropFirst()), on: first.backend)
        try first.backend.concatenate(parts, into: result)
        return result
    }
}
