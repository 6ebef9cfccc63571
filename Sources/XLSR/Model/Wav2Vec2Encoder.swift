import TensorEngine

/// Front-end, projection, positions and transformer layers. Hugging Face's `Wav2Vec2Model`.
struct Wav2Vec2Encoder: Sendable {
    private let configuration: Configuration
    private let featureExtractor: FeatureExtractor
    private let featureProjection: FeatureProjection
    private let positionalConvolution: PositionalConvolution
    private let norm: Normalization
    private var layers: [EncoderLayer]

    init(_ weights: WeightReader, _ configuration: Configuration) throws {
        self.configuration = configuration
        featureExtractor = try FeatureExtractor(weights.scope("feature_extractor"), configuration)
        featureProjection = try FeatureProjection(weights.scope("feature_projection"), configuration)
        let encoder = weights.scope("encoder")
        positionalConvolution = try PositionalConvolution(encoder.scope("pos_conv_embed"), configuration)
        norm = try encoder.norm(
            "layer_norm", channels: configuration.hiddenSize, epsilon: configuration.layerNormEpsilon)
        layers = try (0..<configuration.layerCount).map {
            try EncoderLayer(encoder.scope("layers.\($0)"), configuration)
        }
    }

    /// The same layers, not copied, with other adapters between them.
    func adapted(by adapters: [AttentionAdapter]) -> Wav2Vec2Encoder {
        var encoder = self
        for index in layers.indices where index < adapters.count { encoder.layers[index].adapter = adapters[index] }
        return encoder
    }

    /// Input values of each utterance to hidden states `[frames of all, hidden]`.
    func callAsFunction(
        _ utterances: [[Float]], on backend: any Backend, taps: Taps?
    ) throws -> (states: Tensor, segments: Segments) {
        let (frames, segments) = try featureExtractor(utterances, on: backend, taps: taps)
        let projected = try featureProjection(frames, segments: segments, taps: taps)  // [frames, hidden]
        let positions = try positionalConvolution(projected, segments: segments)  // [frames, hidden]
        taps?.record("pos_conv_embed", positions, segments)
        var x = try projected.adding(positions)
        if !configuration.usesStableLayerNorm { x = try x.layerNorm(norm) }
        taps?.record("hidden_states.0", x, segments)
        for (index, layer) in layers.enumerated() {
            try Task.checkCancellation()
            x = try layer(x, segments: segments)
            taps?.record("hidden_states.\(index + 1)", x, segments)
        }
        if configuration.usesStableLayerNorm { x = try x.layerNorm(norm) }
        taps?.record("last_hidden_state", x, segments)
        return (x, segments)
    }
}
