import TensorEngine

/// Self-attention and feed-forward with residuals. Hugging Face's `Wav2Vec2EncoderLayerStableLayerNorm` (norms before
/// the blocks) and `Wav2Vec2EncoderLayer` (norms after them): the same names, other roles.
struct EncoderLayer: Sendable {
    private let isStable: Bool
    private let headCount: Int
    private let activation: UnaryKind?
    /// Queries, keys and values by one product.
    private let queryKeyValue: Linear
    private let attentionOutput: Linear
    private let attentionNorm: Normalization
    private let intermediate: Linear
    private let output: Linear
    private let finalNorm: Normalization
    /// Of checkpoints with language adapters: after the layer.
    var adapter: AttentionAdapter?

    init(_ weights: WeightReader, _ configuration: Configuration) throws {
        let hidden = configuration.hiddenSize
        isStable = configuration.usesStableLayerNorm
        headCount = configuration.headCount
        activation = configuration.activation
        let attention = weights.scope("attention")
        let projections = ["q_proj", "k_proj", "v_proj"]
        queryKeyValue = Linear(
            weight: try attention.weight(projections.map { $0 + ".weight" }, [hidden, hidden]),
            bias: try attention.concatenated(projections.map { $0 + ".bias" }, [hidden]))
        attentionOutput = try attention.linear("out_proj", from: hidden, to: hidden)
        attentionNorm = try weights.norm("layer_norm", channels: hidden, epsilon: configuration.layerNormEpsilon)
        let feedForward = weights.scope("feed_forward")
        intermediate = try feedForward.linear("intermediate_dense", from: hidden, to: configuration.intermediateSize)
        output = try feedForward.linear("output_dense", from: configuration.intermediateSize, to: hidden)
        finalNorm = try weights.norm("final_layer_norm", channels: hidden, epsilon: configuration.layerNormEpsilon)
    }

    /// All but the adapter's.
    var parameters: [TrainedParameter] {
        queryKeyValue.parameters("attention.q_proj", "attention.k_proj", "attention.v_proj")
            + attentionOutput.parameters("attention.out_proj") + attentionNorm.parameters("layer_norm")
            + intermediate.parameters("feed_forward.intermediate_dense")
            + output.parameters("feed_forward.output_dense") + finalNorm.parameters("final_layer_norm")
    }

    /// `[frames, hidden]` → `[frames, hidden]`
    func callAsFunction(_ x: Tensor, segments: Segments) throws -> Tensor {
        if isStable {
            let normed = try x.layerNorm(attentionNorm, as: queryKeyValue.inputType)
            let attended = try attention(normed, residual: x, segments: segments)
            let fed = try feedForward(
                attended.layerNorm(finalNorm, as: intermediate.inputType), residual: attended)
            return try adapter?(fed) ?? fed
        }
        let attended = try attention(x, residual: x, segments: segments).layerNorm(attentionNorm)
        return try feedForward(attended, residual: attended).layerNorm(finalNorm)
    }

    private func attention(_ x: Tensor, residual: Tensor, segments: Segments) throws -> Tensor {
        let mixed = try queryKeyValue(x)  // [frames, 3 · hidden], below [frames, hidden]
            .attention(
                heads: headCount, segments: segments, precision: queryKeyValue.weight.tensor.dtype,
                as: attentionOutput.inputType)
        return try attentionOutput(mixed, residual: residual)
    }

    private func feedForward(_ x: Tensor, residual: Tensor) throws -> Tensor {
        // [frames, intermediate] between
        try output(intermediate(x, activation: activation, as: output.inputType), residual: residual)
    }
}
