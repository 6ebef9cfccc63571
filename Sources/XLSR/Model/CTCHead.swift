import TensorEngine

/// A score for every token of the vocabulary at every frame. The head of Hugging Face's `Wav2Vec2ForCTC`.
struct CTCHead: FramewiseHead {
    private let projection: Linear

    init(_ weights: WeightReader, _ configuration: Configuration) throws {
        projection = try weights.linear(
            CheckpointNames.ctcHead, from: configuration.outputSize, to: configuration.vocabularySize,
            as: weights.precision.sensitiveWeights)
    }

    var parameters: [TrainedParameter] { projection.parameters(CheckpointNames.ctcHead) }

    /// `[frames, hidden]` → `[frames, vocabulary]`
    func logits(of states: Tensor) throws -> Tensor { try projection(states) }

    func callAsFunction(_ encoded: EncoderOutput) throws -> [Taps.Record] {
        [Taps.Record(name: "logits", tensor: try logits(of: encoded.states), segments: encoded.segments)]
    }
}
