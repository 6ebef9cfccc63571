import TensorEngine

/// A score of a whole utterance for each label. The head of Hugging Face's `Wav2Vec2ForSequenceClassification`.
struct SequenceClassifier: PooledHead {
    private let projector: Linear
    private let classifier: Linear

    init(
        _ weights: WeightReader, _ configuration: Configuration, _ classes: Configuration.Classification,
        projectionSize: Int
    ) throws {
        classifier = try weights.classifier(from: projectionSize, classes)
        projector = try weights.linear(
            "projector", from: configuration.hiddenSize, to: projectionSize, as: weights.precision.sensitiveWeights)
    }

    /// → `[frames, projection]`
    func frames(_ encoded: EncoderOutput) throws -> Tensor { try projector(encoded.headInput) }

    /// → logits `[utterances, labels]`
    func pooled(_ frames: Tensor, segments: Segments) throws -> [(name: String, tensor: Tensor)] {
        [("logits", try classifier(frames.mean(over: segments)))]
    }
}
