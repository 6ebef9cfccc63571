import TensorEngine

/// A speaker's voice as one vector: a time-delay network, statistics over time, a linear layer (Snyder et al. 2018).
/// The head of Hugging Face's `Wav2Vec2ForXVector`.
struct XVector: PooledHead {
    private let sizes: Configuration.XVector
    private let projector: Linear
    private let layers: [Linear]
    private let embedding: Linear
    private let classifier: Linear

    init(_ weights: WeightReader, _ configuration: Configuration, _ sizes: Configuration.XVector) throws {
        self.sizes = sizes
        let type = weights.precision.sensitiveWeights
        var width = sizes.layers.first?.channels ?? 0
        projector = try weights.linear("projector", from: configuration.hiddenSize, to: width, as: type)
        layers = try sizes.layers.enumerated().map { index, layer in
            defer { width = layer.channels }
            // Its rows are [kernel, in], as a convolution here wants them.
            return try weights.linear("tdnn.\(index).kernel", from: layer.kernel * width, to: layer.channels, as: type)
        }
        embedding = try weights.linear("feature_extractor", from: 2 * width, to: sizes.width, as: type)
        classifier = try weights.linear("classifier", from: sizes.width, to: sizes.width, as: type)
    }

    /// → `[frames, channels of the first layer]`
    func frames(_ encoded: EncoderOutput) throws -> Tensor { try projector(encoded.headInput) }

    /// → embeddings and logits `[utterances, width]`
    func pooled(_ frames: Tensor, segments: Segments) throws -> [(name: String, tensor: Tensor)] {
        let (outputs, valid) = try timeDelayNetwork(frames, segments)
        let (mean, deviation) = try outputs.statistics(over: valid)  // [utterances, channels] both
        let (count, channels) = (mean.shape[0], mean.shape[1])
        let statistics = try Tensor.concatenated([mean, deviation]).reshaped([2, count, channels])
            .permuted([1, 0, 2]).reshaped([count, 2 * channels])
        let embeddings = try embedding(statistics)
        return [("logits", try classifier(embeddings)), ("embeddings", embeddings)]
    }

    /// Convolutions over time without padding, dilated: `[frames, …]` → `[fewer frames, channels of the last layer]`.
    ///
    /// With a dilation d, rows are put in the order of their index modulo d, in which a window's rows are neighbours.
    private func timeDelayNetwork(_ frames: Tensor, _ segments: Segments) throws -> (Tensor, Segments) {
        guard segments.lengths.allSatisfy({ $0 >= sizes.minimumFrameCount }) else {
            throw AudioError(
                .tooShort, source: "samples", "an embedding needs \(sizes.minimumFrameCount) frames",
                remedy: "use longer audio")
        }
        var x = frames
        /// Where each frame of each utterance lies in `x`.
        var places = (0..<segments.count).map { segments[$0].map(Int32.init) }
        var isInTimeOrder = true
        for (layer, size) in zip(layers, sizes.layers) {
            if size.kernel > 1, size.dilation > 1 || !isInTimeOrder {
                isInTimeOrder = size.dilation == 1
                var order: [Int32] = []
                for index in places.indices {
                    var moved = places[index]
                    for phase in 0..<min(size.dilation, moved.count) {
                        for frame in stride(from: phase, to: moved.count, by: size.dilation) {
                            moved[frame] = Int32(order.count)
                            order.append(places[index][frame])
                        }
                    }
                    places[index] = moved
                }
                x = try x.gathered(rows: order)
            }
            let window = ConvolutionWindow(kernel: size.kernel, stride: 1, rows: x.shape[0] - size.kernel + 1)
            x = try x.convolution(layer.weight, bias: layer.bias, window: window, activation: .relu)
            places = places.map { Array($0.dropLast(size.loss)) }
        }
        let lengths = places.map(\.count)
        return (try x.gathered(rows: places.flatMap(\.self)), Segments(lengths: lengths))
    }
}
