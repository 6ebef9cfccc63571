import TensorEngine

/// Self-attention over what was said, attention to the speech, feed-forward; norms before each. Hugging Face's
/// `MBartDecoderLayer`.
struct MBartDecoderLayer: Sendable {
    /// These norms have PyTorch's default ε.
    static let epsilon: Float = 1e-5

    /// Queries by one product, keys and values by another, whose rows go to the cache as they are.
    private struct Attention: Sendable {
        let query: Linear
        let keyValue: Linear
        let output: Linear
        let norm: Normalization

        init(_ weights: WeightReader, _ name: String, _ hidden: Int) throws {
            let scope = weights.scope(name)
            query = try scope.linear("q_proj", from: hidden, to: hidden)
            let names = ["k_proj", "v_proj"]
            keyValue = Linear(
                weight: try scope.weight(names.map { $0 + ".weight" }, [hidden, hidden]),
                bias: try scope.concatenated(names.map { $0 + ".bias" }, [hidden]))
            output = try scope.linear("out_proj", from: hidden, to: hidden)
            norm = try weights.norm(name + "_layer_norm", channels: hidden, epsilon: MBartDecoderLayer.epsilon)
        }
    }

    private let headCount: Int
    private let activation: UnaryKind?
    private let selfAttention: Attention
    private let speechAttention: Attention
    private let intermediate: Linear
    private let output: Linear
    private let finalNorm: Normalization

    init(_ weights: WeightReader, _ configuration: MBartConfiguration) throws {
        let hidden = configuration.hiddenSize
        headCount = configuration.headCount
        activation = configuration.activation
        selfAttention = try Attention(weights, "self_attn", hidden)
        speechAttention = try Attention(weights, "encoder_attn", hidden)
        intermediate = try weights.linear("fc1", from: hidden, to: configuration.intermediateSize)
        output = try weights.linear("fc2", from: configuration.intermediateSize, to: hidden)
        finalNorm = try weights.norm("final_layer_norm", channels: hidden, epsilon: Self.epsilon)
    }

    /// `[frames, hidden]` → `[frames, 2 · hidden]`
    func speechKeysValues(_ states: Tensor) throws -> KeyValueCache {
        try KeyValueCache(speechAttention.keyValue(states))
    }

    /// `[rows, hidden]` → `[rows, hidden]`
    func callAsFunction(
        _ x: Tensor, _ state: MBartDecoderState, _ index: Int, _ rows: MBartDecoderState.Rows
    ) throws -> Tensor {
        let normed = try x.layerNorm(selfAttention.norm)  // [rows, hidden]
        _ = try state.said[index].append(selfAttention.keyValue(normed))  // [rows, 2 · hidden]
        let said = try state.said[index].attention(selfAttention.query(normed), rows: rows.said, heads: headCount)
        let x = try selfAttention.output(said, residual: x)
        let query = try speechAttention.query(x.layerNorm(speechAttention.norm))  // [rows, hidden]
        let heard = try state.speech[index].attention(query, rows: rows.speech, heads: headCount)
        let y = try speechAttention.output(heard, residual: x)
        let inner = try intermediate(y.layerNorm(finalNorm), activation: activation)  // [rows, intermediate]
        return try output(inner, residual: y)
    }
}
