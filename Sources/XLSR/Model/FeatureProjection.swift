import TensorEngine

/// Layer norm and a linear layer from the front-end's width to the encoder's. Hugging Face's
/// `Wav2Vec2FeatureProjection`.
struct FeatureProjection: Sendable {
    private let norm: Normalization
    private let projection: Linear

    init(_ weights: WeightReader, _ configuration: Configuration) throws {
        let channels = configuration.convolutions.last?.channels ?? 0
        norm = try weights.norm("layer_norm", channels: channels, epsilon: configuration.layerNormEpsilon)
        projection = try weights.linear(
            "projection", from: channels, to: configuration.hiddenSize, as: weights.precision.sensitiveWeights)
    }

    /// `[frames, channels]` → normed `[frames, channels]`, projected `[frames, hidden]`
    func callAsFunction(
        _ frames: Tensor, segments: Segments, taps: Taps?
    ) throws -> (normed: Tensor, projected: Tensor) {
        let normed = try frames.layerNorm(norm)  // [frames, channels]
        taps?.record("extract_features", normed, segments)
        let projected = try projection(normed)  // [frames, hidden]
        taps?.record("feature_projection", projected, segments)
        return (normed, projected)
    }
}
