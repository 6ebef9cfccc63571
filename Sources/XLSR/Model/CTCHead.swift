import TensorEngine

/// A score for every token of the vocabulary at every frame. The head of Hugging Face's `Wav2Vec2ForCTC`.
struct CTCHead: Sendable {
    private let projection: Linear

    init(_ weights: WeightReader, _ configuration: Configuration) throws {
        projection = try weights.linear(
            CheckpointNames.ctcHead, from: configuration.hiddenSize, to: configuration.vocabularySize,
            as: weights.precision.sensitiveWeights)
    }

    /// `[frames, hidden]` → `[frames, vocabulary]`
    func callAsFunction(_ states: Tensor, segments: Segments, taps: Taps?) throws -> Tensor {
        let logits = try projection(states)
        taps?.record("logits", logits, segments)
        return logits
    }
}
