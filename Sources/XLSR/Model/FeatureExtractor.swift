import TensorEngine

/// The convolutional front-end: raw samples to a frame every 20 ms. Hugging Face's `Wav2Vec2FeatureEncoder`.
///
/// Each utterance's samples are padded to a multiple of the hop, so that every layer is one product over the whole
/// batch. A frame t of any layer sees rows `t · stride ..< t · stride + kernel` of the layer below, so valid frames
/// never see a neighbour's samples; the frames that do are dropped at the end.
///
/// The frames are computed in tiles, each through all layers: of a frame of XLS-R the first layer's output is 64 times
/// as large as the frame itself. A tile reads its whole receptive field, of which a few rows are its neighbour's too.
package struct FeatureExtractor: Sendable {
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
    /// What a layer's output should take at most; nil: as the backend prefers.
    package var tileByteCount: Int?

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
    package func callAsFunction(
        _ utterances: [InputValues], on backend: any Backend, taps: Taps?
    ) throws -> (frames: Tensor, segments: Segments) {
        let batch = SampleBatch(
            lengths: utterances.map(\.values.count), configuration, read: { utterances[$0].values[$1] })
        // A tap gets a layer in one piece.
        let isTapped = layers.indices.contains { taps?.wants(Self.tapName($0)) ?? false }
        let tiles = isTapped ? [0..<batch.frameCount] : tiles(of: batch, on: backend)
        let statistics = try statistics(of: utterances, batch, tiles, on: backend)
        let parts = try tiles.map { tile in
            try CancellationFlag.check()
            return try self.frames(tile, of: batch, statistics, on: backend, taps: taps)
        }
        let frames = parts.count == 1 ? parts[0] : try Tensor.concatenated(parts)
        let segments = batch.segments(layers: layers.count, rows: 0..<batch.frameCount)
        // Only the rows of valid frames: [frames of all, channels].
        return (try frames.gathered(rows: segments.rowIndices), Segments(lengths: segments.lengths))
    }

    private static func tapName(_ layer: Int) -> String { "feature_extractor.conv_layers.\(layer)" }

    /// - Parameter statistics: of each utterance, `[2, utterances, channels]`; nil: as the tile's own rows have them.
    private func frames(
        _ tile: Range<Int>, of batch: SampleBatch, _ statistics: Tensor?, on backend: any Backend, taps: Taps?
    ) throws -> Tensor {
        let rows = rows(for: tile)
        var x = try batch.samples(rows[0], on: backend)  // [samples, 1]
        for (index, layer) in layers.enumerated() {
            x = try convolved(x, layer, rows: rows[index + 1].count)
            let segments = batch.segments(layers: index + 1, rows: rows[index + 1])
            if let norm = layer.channelNorm {
                x = try x.channelNorm(
                    norm, segments: segments, statistics: statistics, activation: configuration.frontEndActivation)
            }
            taps?.record(Self.tapName(index), x, segments)  // [rows, channels]
        }
        return x
    }

    /// One layer, without the norm over its frames and what comes after that.
    private func convolved(_ x: Tensor, _ layer: Layer, rows: Int) throws -> Tensor {
        let window = ConvolutionWindow(kernel: layer.geometry.kernel, stride: layer.geometry.stride, rows: rows)
        return try x.convolution(
            layer.weight, bias: layer.bias, window: window, norm: layer.norm,
            activation: layer.channelNorm == nil ? configuration.frontEndActivation : nil)
    }

    /// The rows that some frames need of the samples and of every layer, that is, those frames.
    private func rows(for frames: Range<Int>) -> [Range<Int>] {
        var rows = [frames]
        for layer in layers.reversed() {
            let (kernel, stride, above) = (layer.geometry.kernel, layer.geometry.stride, rows[0])
            // Also the rows that strides longer than their kernels skip, so that tiles leave nothing out.
            rows.insert(
                above.lowerBound * stride..<(above.upperBound - 1) * stride + max(kernel, stride), at: 0)
        }
        return rows
    }

    /// Tiles of about one length, so that they share the pool's blocks.
    private func tiles(of batch: SampleBatch, on backend: any Backend) -> [Range<Int>] {
        var (rows, largest) = (1, 0)
        for layer in layers.reversed() {
            largest = max(largest, rows * layer.geometry.channels * MemoryLayout<Float>.size)
            rows *= layer.geometry.stride
        }
        // Eight receptive fields at least: what neighbours share is computed twice.
        let shortest = 8 * (configuration.receptiveField / configuration.hop + 1)
        let length = max((tileByteCount ?? backend.tileByteCount) / largest, shortest)
        let count = max(1, (batch.frameCount + length - 1) / length)
        return (0..<count).map { batch.frameCount * $0 / count..<batch.frameCount * ($0 + 1) / count }
    }
}

// MARK: - Statistics over frames

extension FeatureExtractor {
    /// Those that the norm over frames takes for a whole utterance of so many samples; nil where there is no such norm.
    ///
    /// It goes through the samples once, tile by tile.
    package func statistics(
        sampleCount: Int, on backend: any Backend, read: @escaping (Range<Int>) -> ArraySlice<Float>
    ) throws -> ChannelStatistics? {
        guard layers.first?.channelNorm != nil else { return nil }
        let batch = SampleBatch(lengths: [sampleCount], configuration) { read($1) }
        return try statistics(of: batch, tiles(of: batch, on: backend), on: backend)[0]
    }

    /// nil where there is no such norm, and where all rows of all utterances are in one tile.
    private func statistics(
        of utterances: [InputValues], _ batch: SampleBatch, _ tiles: [Range<Int>], on backend: any Backend
    ) throws -> Tensor? {
        let given = utterances.map(\.statistics)
        guard layers.first?.channelNorm != nil, tiles.count > 1 || given.contains(where: { $0 != nil }) else {
            return nil
        }
        let own = given.contains { $0 == nil } ? try statistics(of: batch, tiles, on: backend) : []
        let all = given.indices.compactMap { given[$0] ?? own[$0] }
        return try Tensor(
            all.flatMap(\.means) + all.flatMap(\.variances), shape: [2, all.count, layers[0].geometry.channels],
            on: backend)
    }

    private func statistics(
        of batch: SampleBatch, _ tiles: [Range<Int>], on backend: any Backend
    ) throws -> [ChannelStatistics] {
        let (channels, geometry) = (layers[0].geometry.channels, layers[0].geometry)
        let step = configuration.hop / geometry.stride
        var gathered = batch.lengths.map { _ in ChannelStatistics.Accumulator(channels: channels) }
        for tile in tiles {
            try CancellationFlag.check()
            let rows = tile.lowerBound * step..<tile.upperBound * step
            let samples = rows.lowerBound * geometry.stride..<rows.upperBound * geometry.stride + geometry.kernel
            let x = try convolved(batch.samples(samples, on: backend), layers[0], rows: rows.count)
            let segments = batch.segments(layers: 1, rows: rows)
            let values = try x.channelStatistics(segments: segments).floats()
            for (index, count) in segments.lengths.enumerated() {
                let (means, variances) = (index * channels, (segments.count + index) * channels)
                gathered[index].add(
                    count: count, means: values[means..<means + channels],
                    variances: values[variances..<variances + channels])
            }
        }
        return gathered.map(\.statistics)
    }
}
