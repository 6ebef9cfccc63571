extension Tensor {
    /// A float32 tensor of one value.
    public static func filled(_ value: Float, shape: Shape, on backend: any Backend) throws -> Tensor {
        let result = try uninitialized(shape, on: backend)
        try backend.fill(value, into: result)
        return result
    }
}
