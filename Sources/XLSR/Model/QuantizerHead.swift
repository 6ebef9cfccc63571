import TensorEngine

/// The two sides of wav2vec 2.0's contrastive task: hidden states, and quantised features, in one space.
/// The head of Hugging Face's `Wav2Vec2ForPreTraining`, with the likeliest codevector of each group as at inference.
struct QuantizerHead: FramewiseHead {
    static let codevectorIDs = "codevector_ids"

    private let sizes: Configuration.Pretraining
    private let scores: Linear
    /// `[groups · codevectors, size / groups]`
    private let codevectors: Tensor
    private let stateProjection: Linear
    private let codevectorProjection: Linear

    init(_ weights: WeightReader, _ configuration: Configuration, _ sizes: Configuration.Pretraining) throws {
        self.sizes = sizes
        let type = weights.precision.sensitiveWeights
        let count = sizes.groupCount * sizes.codevectorCount
        let quantizer = weights.scope("quantizer")
        scores = try quantizer.linear(
            "weight_proj", from: configuration.convolutions.last?.channels ?? 0, to: count, as: type)
        let width = sizes.codevectorSize / sizes.groupCount
        codevectors = try quantizer.tensor("codevectors", [1, count, width]).reshaped([count, width])
        stateProjection = try weights.linear(
            "project_hid", from: configuration.hiddenSize, to: sizes.projectionSize, as: type)
        codevectorProjection = try weights.linear(
            "project_q", from: sizes.codevectorSize, to: sizes.projectionSize, as: type)
    }

    /// → projected states and projected quantised states `[frames, projection]`, and the numbers of the codevectors,
    /// each in its group, `[frames, groups]`.
    func callAsFunction(_ encoded: EncoderOutput) throws -> [Taps.Record] {
        let frames = encoded.extractFeatures.shape[0]
        let best = try scores(encoded.extractFeatures)  // [frames, groups · codevectors]
            .reshaped([frames * sizes.groupCount, sizes.codevectorCount])
            .argmax().converted(to: .float32)  // [frames · groups]
        let rows = try best.floats().enumerated().map { index, id in
            Int32(index % sizes.groupCount * sizes.codevectorCount + Int(id))
        }
        let quantized = try codevectors.gathered(rows: rows).reshaped([frames, sizes.codevectorSize])
        return [
            Taps.Record(
                name: "projected_states", tensor: try stateProjection(encoded.states), segments: encoded.segments),
            Taps.Record(
                name: "projected_quantized_states", tensor: try codevectorProjection(quantized),
                segments: encoded.frameSegments),
            Taps.Record(
                name: Self.codevectorIDs, tensor: try best.reshaped([frames, sizes.groupCount]),
                segments: encoded.frameSegments),
        ]
    }
}
