extension Tensor {
    /// The same numbers in another element type, rounded to nearest even; this tensor itself when it has it already.
    /// Between f32, f16 and bf16; from int32 to f32; between f32 and int8, which saturates at ±127 and makes NaN 0.
    public func converted(to dtype: DType) throws -> Tensor {
        guard dtype != self.dtype else { return self }
        let isInteger =
            dtype == .float32 && (self.dtype == .int32 || self.dtype == .int8)
            || self.dtype == .float32 && dtype == .int8
        guard isInteger || dtype.isFloatingPoint && self.dtype.isFloatingPoint else {
            throw TensorError(.unsupported, operation: "convert", "\(self.dtype) to \(dtype)", device: backend.device)
        }
        let result = try Tensor.uninitialized(shape, dtype: dtype, on: backend)
        try backend.convert(self, into: result)
        return result
    }

    /// What `write` makes of a fresh tensor, stored as `type`: at once where the backend writes such results, else
    /// converted afterwards.
    static func stored(
        _ shape: Shape, as type: DType, on backend: any Backend, write: (Tensor) throws -> Void
    ) throws -> Tensor {
        let isWritten = type == .float32 || backend.inputType(forWeights: type) == type
        let result = try Tensor.uninitialized(shape, dtype: isWritten ? type : .float32, on: backend)
        try write(result)
        return try result.converted(to: type)
    }
}
