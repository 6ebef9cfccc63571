import TensorEngine

/// A small block after an encoder layer that turns the shared encoder to one language:
/// `x + W₂ · relu(W₁ · norm(x) + b₁) + b₂`. Hugging Face's `Wav2Vec2AttnAdapterLayer`.
struct AttentionAdapter: Sendable {
    /// PyTorch's default, whatever `layer_norm_eps` says.
    private static let epsilon: Float = 1e-5

    private let norm: Normalization
    private let down: Linear
    private let up: Linear

    /// - Parameter weights: those of the encoder layer.
    init(_ weights: WeightReader, width: Int, _ configuration: Configuration) throws {
        let scope = weights.scope(CheckpointNames.attentionAdapter)
        let hidden = configuration.hiddenSize
        // A few thousand numbers that every frame goes through: not worth int8's error.
        let type = weights.precision.sensitiveWeights
        norm = try scope.norm("norm", channels: hidden, epsilon: Self.epsilon)
        down = try scope.linear("linear_1", from: hidden, to: width, as: type)
        up = try scope.linear("linear_2", from: width, to: hidden, as: type)
    }

    var parameters: [TrainedParameter] {
        norm.parameters("norm") + down.parameters("linear_1") + up.parameters("linear_2")
    }

    /// `[frames, hidden]` → `[frames, hidden]`
    func callAsFunction(_ x: Tensor) throws -> Tensor {
        try up(down(x.layerNorm(norm), activation: .relu), residual: x)  // [frames, width] between
    }
}
