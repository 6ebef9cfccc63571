import TensorEngine

/// A score for each label at every frame. The head of Hugging Face's `Wav2Vec2ForAudioFrameClassification`.
struct FrameClassifier: FramewiseHead {
    private let classifier: Linear

    init(_ weights: WeightReader, _ configuration: Configuration, _ classes: Configuration.Classification) throws {
        classifier = try weights.classifier(from: configuration.hiddenSize, classes)
    }

    /// → logits `[frames, labels]`
    func callAsFunction(_ encoded: EncoderOutput) throws -> [Taps.Record] {
        [Taps.Record(name: "logits", tensor: try classifier(encoded.headInput), segments: encoded.headSegments)]
    }
}
