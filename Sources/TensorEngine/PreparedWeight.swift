/// How a weight is used, which decides the form that a backend brings it into.
public enum WeightUse: Hashable, Sendable {
    /// `[out, in]`: linear layers, and convolutions as `[out, kernel · in]`.
    case linear
    /// `[groups, out / groups, kernel · in / groups]`: the positional convolution.
    case grouped
}

/// A weight in the form that its backend reads fastest: packed, converted, maybe quantised.
/// Opaque to everybody else; `Backend.dense` recovers the numbers.
public struct PreparedWeight: Sendable {
    /// The shape of the dense weight.
    public let shape: Shape
    public let use: WeightUse
    /// The prepared numbers, laid out as the backend likes.
    public let tensor: Tensor

    public init(shape: Shape, use: WeightUse, tensor: Tensor) {
        self.shape = shape
        self.use = use
        self.tensor = tensor
    }
}

extension Backend {
    public func prepare(_ weight: Tensor, for use: WeightUse) throws -> PreparedWeight {
        PreparedWeight(shape: weight.shape, use: use, tensor: weight)
    }

    public func dense(_ weight: PreparedWeight) throws -> Tensor { weight.tensor }
}

extension Tensor {
    /// Brings a float32 weight into its device's fastest form.
    public func prepared(for use: WeightUse) throws -> PreparedWeight {
        guard dtype == .float32, shape.rank == (use == .linear ? 2 : 3) else {
            throw TensorError(
                .invalidArgument, operation: "prepare", "not a float32 weight for \(use)", shapes: [shape])
        }
        return try backend.prepare(self, for: use)
    }
}
