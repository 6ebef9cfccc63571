/// Functions of one number, each with its derivative.
public enum UnaryKind: String, Sendable, CaseIterable {
    /// `-x`; derivative `-1`.
    case negate
    /// `|x|`; derivative `sign(x)`.
    case absolute
    /// `x²`; derivative `2x`.
    case square
    /// `√x`; derivative `1 / (2√x)`.
    case squareRoot
    /// `1 / x`; derivative `-1 / x²`.
    case reciprocal
    /// `eˣ`; derivative `eˣ`.
    case exponential
    /// `ln x`; derivative `1 / x`.
    case logarithm
    /// `tanh x`; derivative `1 - tanh² x`.
    case tanh
    /// `1 / (1 + e⁻ˣ)`; derivative `σ(1 - σ)`.
    case sigmoid
    /// `max(x, 0)`; derivative `x > 0`.
    case relu
    /// `x` above zero, `x / 100` below; derivative `1` or `0.01`.
    case leakyRelu
    /// `x · σ(x)`; derivative `σ + xσ(1 - σ)`.
    case silu
    /// `x · Φ(x) = x/2 · (1 + erf(x / √2))`, exact; derivative `Φ(x) + x·φ(x)`.
    case gelu
    /// `x/2 · (1 + tanh(√(2/π)(x + 0.044715x³)))`; derivative by the chain rule.
    case geluTanh
    /// `x · σ(1.702x)`; derivative `σ + 1.702xσ(1 - σ)`.
    case geluSigmoid
}

extension Tensor {
    /// `f(x)` for every element.
    public func unary(_ kind: UnaryKind) throws -> Tensor {
        try requireFloat32("unary")
        let result = try Tensor.uninitialized(shape, on: backend)
        try backend.unary(kind, self, into: result)
        return result
    }

    func requireFloat32(_ operation: String) throws {
        guard dtype == .float32 else {
            throw TensorError(.unsupported, operation: operation, "needs float32, not \(dtype)", device: backend.device)
        }
    }
}
