import TensorEngine

/// Front-end, projection, positions and transformer layers. Hugging Face's `Wav2Vec2Model`.
struct Wav2Vec2Encoder: Sendable {
    private let configuration: Configuration
    let featureExtractor: FeatureExtractor
    private let featureProjection: FeatureProjection
    private let positionalConvolution: PositionalConvolution
    private var norm: Normalization
    private var layers: [EncoderLayer]
    private let adapter: Adapter?
    /// The layers, without and with an average of their states.
    private var regions = (states: CaptureRegion(), averages: CaptureRegion())

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
        adapter = try configuration.adapter.map {
            try Adapter(weights.scope("adapter"), $0, hiddenSize: configuration.hiddenSize)
        }
    }

    /// The same layers, not copied, with other adapters between them.
    func adapted(by adapters: [AttentionAdapter]) -> Wav2Vec2Encoder {
        var encoder = self
        encoder.regions = (CaptureRegion(), CaptureRegion())
        for index in layers.indices where index < adapters.count { encoder.layers[index].adapter = adapters[index] }
        return encoder
    }

    /// Input values of each utterance to hidden states `[frames of all, hidden]`.
    /// - Parameter average: how to average the hidden states of all layers, where that is asked for.
    func callAsFunction(
        _ utterances: [InputValues], on backend: any Backend, average: LayerAverage? = nil, taps: Taps?
    ) throws -> EncoderOutput {
        let (frames, segments) = try featureExtractor(utterances, on: backend, taps: taps)
        let (features, projected) = try featureProjection(frames, segments: segments, taps: taps)  // [frames, hidden]
        let transformed: [Tensor]
        if taps == nil {
            let region = average == nil ? regions.states : regions.averages
            transformed = try backend.captured(region, projected, segments: segments) {
                try self.transformed($0, segments: $1, average: average, taps: nil)
            }
        } else {
            transformed = try self.transformed(projected, segments: segments, average: average, taps: taps)
        }
        let normed = transformed[0]
        let (states, outputSegments) = try adapter?(normed, segments: segments) ?? (normed, segments)
        taps?.record("last_hidden_state", states, outputSegments)  // [fewer frames, width] with an adapter
        return EncoderOutput(
            states: states, segments: outputSegments, extractFeatures: features, frameSegments: segments,
            layerAverage: transformed.dropFirst().first)
    }

    /// The same with other layers, and another norm before or after them.
    func replacing(_ layers: [EncoderLayer], _ norm: Normalization) -> Wav2Vec2Encoder {
        var encoder = self
        encoder.regions = (CaptureRegion(), CaptureRegion())
        (encoder.layers, encoder.norm) = (layers, norm)
        return encoder
    }

    /// The same without layers.
    var withoutLayers: Wav2Vec2Encoder { replacing([], norm) }

    /// Input values of each utterance to what the layers get of them, `[frames of all, hidden]`.
    func projected(_ utterances: [InputValues], on backend: any Backend) throws -> (Tensor, Segments) {
        let (frames, segments) = try featureExtractor(utterances, on: backend, taps: nil)
        return (try featureProjection(frames, segments: segments, taps: nil).projected, segments)
    }

    /// That to the last hidden states: `[frames, hidden]` each.
    func states(of projected: Tensor, segments: Segments) throws -> Tensor {
        try transformed(projected, segments: segments, average: nil, taps: nil)[0]
    }

    /// `[frames, hidden]` → the last hidden states, and their average where that is asked for: `[frames, hidden]` each.
    private func transformed(
        _ projected: Tensor, segments: Segments, average: LayerAverage?, taps: Taps?
    ) throws -> [Tensor] {
        let positions = try positionalConvolution(projected, segments: segments)  // [frames, hidden]
        taps?.record("pos_conv_embed", positions, segments)
        var x = try projected.adding(positions)
        if !configuration.usesStableLayerNorm { x = try x.layerNorm(norm) }
        taps?.record("hidden_states.0", x, segments)
        var sum = average.map(LayerAverage.Accumulator.init)
        for (index, layer) in layers.enumerated() {
            try CancellationFlag.check()
            try sum?.add(x)
            x = try layer(x, segments: segments)
            taps?.record("hidden_states.\(index + 1)", x, segments)
        }
        let normed = configuration.usesStableLayerNorm ? try x.layerNorm(norm) : x
        try sum?.add(average?.endsAfterNorm == true ? normed : x)
        return [normed, sum?.sum].compactMap(\.self)
    }
}
