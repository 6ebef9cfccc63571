extension Tensor {
    /// The same numbers in another element type, rounded to nearest even; this tensor itself when it has it already.
    /// Between f32, f16 and bf16, and from int32 to f32.
    public func converted(to dtype: DType) throws -> Tensor {
        guard dtype != self.dtype else { return self }
        let isFromInteger = self.dtype == .int32 && dtype == .float32
        guard isFromInteger || dtype.isFloatingPoint && self.dtype.isFloatingPoint else {
            throw TensorError(.unsupported, operation: "convert", "\(self.dtype) to \(dtype)", device: backend.device)
        }
        let result = try Tensor.uninitialized(shape, dtype: dtype, on: backend)
        try backend.convert(self, into: result)
        return result
    }
}
