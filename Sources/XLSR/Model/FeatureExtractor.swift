import TensorEngine

/// The convolutional front-end: raw samples to a frame every 20 ms. Hugging Face's `Wav2Vec2FeatureEncoder`.
///
/// Each utterance's samples are padded to a multiple of the hop, so that every layer is one product over the whole
/// batch. A frame t of any layer sees rows `t · stride ..< t · stride + kernel` of the layer below, so valid frames
/// never see a neighbour's samples; the frames that do are dropped at the end.
struct FeatureExtractor: Sendable {
    private struct Layer: Sendable {
        let geometry: Configuration.ConvolutionLayer
        let weight: PreparedWeight
        let bias: Tensor?
        /// Over the channels of each frame.
        let norm: Normalization?
        /// Over the frames of each channel.
        let channelNorm: Normalization?
    }

    /// These norms have PyTorch's default ε, whatever `layer_norm_eps` says.
    private static let epsilon: Float = 1e-5

    private let configuration: Configuration
    private let layers: [Layer]

    init(_ weights: WeightReader, _ configuration: Configuration) throws {
        self.configuration = configuration
        var inputChannels = 1
        layers = try configuration.convolutions.enumerated().map { index, geometry in
            let scope = weights.scope("conv_layers.\(index)")
            let channels = geometry.channels
            let weight = try scope.tensor("conv.weight", [channels, inputChannels, geometry.kernel])
                .permuted([0, 2, 1])  // [out, kernel, in]
                .reshaped([channels, geometry.kernel * inputChannels])
            let hasNorm = configuration.frontEndNorm == .layer || index == 0
            let norm = hasNorm ? try scope.norm("layer_norm", channels: channels, epsilon: Self.epsilon) : nil
            inputChannels = channels
            return Layer(
                geometry: geometry, weight: try weight.prepared(for: .linear, as: weights.precision.sensitiveWeights),
                bias: configuration.convolutionBias ? try scope.tensor("conv.bias", [channels]) : nil,
                norm: configuration.frontEndNorm == .layer ? norm : nil,
                channelNorm: configuration.frontEndNorm == .group ? norm : nil)
        }
    }

    /// Input values of each utterance to frames `[frames of all, channels]`.
    func callAsFunction(
        _ utterances: [[Float]], on backend: any Backend, taps: Taps?
    ) throws -> (frames: Tensor, segments: Segments) {
        let hop = configuration.hop
        let padded = utterances.map { ($0.count + hop - 1) / hop * hop }
        let offsets = Segments(lengths: padded).offsets
        var x = try samples(utterances, offsets: offsets, total: padded.reduce(0, +), on: backend)  // [samples, 1]
        var (rows, stride) = (padded.reduce(0, +), 1)
        var segments = Segments(offsets: [], lengths: [])
        for (index, layer) in layers.enumerated() {
            rows /= layer.geometry.stride
            stride *= layer.geometry.stride
            segments = Segments(
                offsets: offsets.map { $0 / stride },
                lengths: utterances.map { configuration.frameCount(samples: $0.count, layers: index + 1) })
            let slack = index + 1 < layers.count ? Self.slack(layers[index + 1].geometry) : 0
            let window = ConvolutionWindow(
                kernel: layer.geometry.kernel, stride: layer.geometry.stride, rows: rows, slack: slack)
            let activation = configuration.frontEndActivation
            x = try x.convolution(
                layer.weight, bias: layer.bias, window: window, norm: layer.norm,
                activation: layer.channelNorm == nil ? activation : nil)
            if let norm = layer.channelNorm {
                x = try x.channelNorm(norm, segments: segments, activation: activation)
            }
            taps?.record("feature_extractor.conv_layers.\(index)", x, segments)  // [rows, channels]
        }
        // Only the rows of valid frames: [frames of all, channels].
        return (try x.gathered(rows: segments.rowIndices), Segments(lengths: segments.lengths))
    }

    /// Rows that the last window reaches beyond the rows below it.
    private static func slack(_ layer: Configuration.ConvolutionLayer) -> Int { max(0, layer.kernel - layer.stride) }

    private func samples(
        _ utterances: [[Float]], offsets: [Int], total: Int, on backend: any Backend
    ) throws -> Tensor {
        let count = total + Self.slack(layers[0].geometry)
        let values = [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
            buffer.initialize(repeating: 0)
            for (utterance, offset) in zip(utterances, offsets) {
                _ = buffer[offset...].update(fromContentsOf: utterance)
            }
            initialized = count
        }
        return try Tensor(values, shape: [count, 1], on: backend)
    }
}
