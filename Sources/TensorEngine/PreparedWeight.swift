/// How a weight is used, which decides the form that a backend brings it into.
public enum WeightUse: Hashable, Sendable {
    /// `[out, in]`: linear layers, and convolutions as `[out, kernel · in]`.
    case linear
    /// `[groups, out / groups, kernel · in / groups]`: the positional convolution.
    case grouped
}

/// A weight in the form that its backend reads fastest: packed, converted, maybe quantised.
/// Opaque to everybody else; `Backend.dense` gives the numbers that it keeps.
public struct PreparedWeight: Sendable {
    /// The shape of the dense weight.
    public let shape: Shape
    public let use: WeightUse
    /// The prepared numbers, laid out as the backend likes.
    public let tensor: Tensor
    /// What the numbers of each output are to be multiplied with, `[groups · out]`; nil for 1.
    public let scales: Tensor?
    /// What the integers of each output add up to, `[groups · out]`, where the backend multiplies them with bytes.
    package let totals: Tensor?
    /// The largest magnitude of a sum of two neighbouring integers of an output, likewise.
    package var largestPair: Int

    public init(shape: Shape, use: WeightUse, tensor: Tensor, scales: Tensor? = nil) {
        self.init(shape: shape, use: use, tensor: tensor, scales: scales, totals: nil, largestPair: 0)
    }

    package init(
        shape: Shape, use: WeightUse, tensor: Tensor, scales: Tensor?, totals: Tensor?, largestPair: Int = 0
    ) {
        self.shape = shape
        self.use = use
        self.tensor = tensor
        self.scales = scales
        self.totals = totals
        self.largestPair = largestPair
    }

    /// The same weight with each tensor replaced.
    package func mapped(_ body: (Tensor) -> Tensor) -> PreparedWeight {
        PreparedWeight(
            shape: shape, use: use, tensor: body(tensor), scales: scales.map(body), totals: totals.map(body),
            largestPair: largestPair)
    }
}

extension Backend {
    /// The dense weight in float32, rounded to what `dtype` can hold.
    public func prepare(_ weight: Tensor, for use: WeightUse, as dtype: DType) throws -> PreparedWeight {
        PreparedWeight(shape: weight.shape, use: use, tensor: try weight.rounded(to: dtype))
    }

    public func dense(_ weight: PreparedWeight) throws -> Tensor { weight.tensor }
}

extension Tensor {
    /// Brings a float32 weight into its device's fastest form.
    /// - Parameter dtype: what its numbers are stored as: float32, bfloat16 or float16, rounded to nearest even, or
    ///   int8 with one scale an output.
    public func prepared(for use: WeightUse, as dtype: DType = .float32) throws -> PreparedWeight {
        guard self.dtype == .float32, dtype != .int32, shape.rank == (use == .linear ? 2 : 3) else {
            throw TensorError(
                .invalidArgument, operation: "prepare", "not a float32 weight for \(use), or \(dtype) for weights",
                shapes: [shape])
        }
        return try backend.prepare(self, for: use, as: dtype)
    }

    /// The nearest numbers that `dtype` can hold, as float32; for int8 those of `quantized`.
    package func rounded(to dtype: DType) throws -> Tensor {
        guard dtype == .int8 else { return try converted(to: dtype).converted(to: .float32) }
        let (integers, scales) = try quantized()
        return try integers.multiplied(by: scales).reshaped(shape)
    }

    /// Symmetric int8 with one scale a row `[…, n]`: integers `round(w / scale)` from -127 to 127, still as float32
    /// `[rows, n]`, and scales as `int8Scales` gives them.
    package func quantized() throws -> (integers: Tensor, scales: Tensor) {
        let scales = try int8Scales()
        let quotients = try reshaped([shape.rows, shape.columns]).binary(.divide, scales)
        return (try quotients.converted(to: .int8).converted(to: .float32), scales)
    }

    /// The largest magnitude of each row `[…, n]` by 127: `[rows, 1]`.
    package func int8Scales() throws -> Tensor {
        let rows = try reshaped([shape.rows, shape.columns])
        let steps = try Tensor([Float(1) / 127], shape: [1], on: backend)
        let scales = try rows.unary(.absolute).reduced(.maximum).multiplied(by: steps)  // [rows, 1]
        // A row of zeros has any scale; this one keeps the quotient defined.
        return try scales.binary(.maximum, Tensor([.leastNormalMagnitude], shape: [1], on: backend))
    }
}
