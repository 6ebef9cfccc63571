/// The parameters of a norm: `gain · (x - mean) / √(variance + ε) + bias`, with the population variance.
public struct Normalization: Sendable {
    /// `[channels]`
    public let gain: Tensor
    /// `[channels]`
    public let bias: Tensor
    public let epsilon: Float

    public init(gain: Tensor, bias: Tensor, epsilon: Float) {
        self.gain = gain
        self.bias = bias
        self.epsilon = epsilon
    }

    func validate(channels: Int, operation: String, on backend: any Backend) throws {
        try backend.check(gain, bias, operation: operation)
        guard gain.shape == [channels], bias.shape == [channels] else {
            throw TensorError(
                .invalidArgument, operation: operation, "gain and bias don't fit \(channels) channels",
                shapes: [gain.shape, bias.shape], device: backend.device)
        }
    }
}

extension Tensor {
    /// `activation(norm(x))` with the statistics of each row `[…, channels]`.
    /// - Parameter type: what the result is stored as.
    public func layerNorm(
        _ norm: Normalization, activation: UnaryKind? = nil, as type: DType = .float32
    ) throws -> Tensor {
        try requireFloat32("layerNorm")
        try norm.validate(channels: shape.columns, operation: "layerNorm", on: backend)
        return try Tensor.stored(shape, as: type, on: backend) { result in
            try backend.layerNorm(self, norm, activation: activation, into: result)
        }
    }
}

extension Backend {
    /// Mean, difference, variance, quotient: seven passes.
    public func layerNorm(_ x: Tensor, _ norm: Normalization, activation: UnaryKind?, into result: Tensor) throws {
        counters.add(.defaultBodies)
        let centered = try x.binary(.subtract, x.reduced(.mean))
        let epsilon = try Tensor([norm.epsilon], shape: [1], on: self)
        let deviation = try centered.unary(.square).reduced(.mean).adding(epsilon).unary(.squareRoot)
        let scaled = try centered.binary(.divide, deviation).multiplied(by: norm.gain)
        guard let activation else { return try binary(.add, scaled, norm.bias, into: result) }
        try unary(activation, scaled.adding(norm.bias), into: result)
    }
}
