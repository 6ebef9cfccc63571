import TensorEngine

/// Convolutions with gated linear units after the encoder, which lower the frame rate. Hugging Face's
/// `Wav2Vec2Adapter`.
struct Adapter: Sendable {
    /// A gated linear unit `a · σ(b)` of a convolution whose output has both halves: two convolutions here, since
    /// tensors have no views of columns.
    private struct Layer: Sendable {
        let value: Half
        let gate: Half

        struct Half: Sendable {
            let weight: PreparedWeight
            let bias: Tensor
        }
    }

    private let configuration: Configuration.Adapter
    private let projection: Linear?
    private let projectionNorm: Normalization?
    private let layers: [Layer]

    init(_ weights: WeightReader, _ adapter: Configuration.Adapter, hiddenSize: Int) throws {
        configuration = adapter
        let hasProjection = adapter.width != hiddenSize
        projection =
            hasProjection
            ? try weights.linear(
                "proj", from: hiddenSize, to: adapter.width, as: weights.precision.sensitiveWeights) : nil
        // PyTorch's default ε, whatever `layer_norm_eps` says.
        projectionNorm =
            hasProjection ? try weights.norm("proj_layer_norm", channels: adapter.width, epsilon: 1e-5) : nil
        layers = try (0..<adapter.layerCount).map { index in
            let scope = weights.scope("layers.\(index).conv")
            let (width, depth) = (adapter.width, adapter.kernel * adapter.width)
            let halves = try scope.tensor("weight", [2 * width, width, adapter.kernel])
                .permuted([0, 2, 1])  // [2 · out, kernel, in]
                .reshaped([2, width * depth])
            let biases = try scope.tensor("bias", [2 * width]).reshaped([2, width])
            func half(_ row: Int32) throws -> Layer.Half {
                let weight = try halves.gathered(rows: [row]).reshaped([width, depth])  // [out, kernel · in]
                return Layer.Half(
                    weight: try weight.prepared(for: .linear, as: weights.precision.sensitiveWeights),
                    bias: try biases.gathered(rows: [row]).reshaped([width]))
            }
            return Layer(value: try half(0), gate: try half(1))
        }
    }

    /// `[frames, hidden]` → `[fewer frames, width]`, utterances one right under the other.
    func callAsFunction(_ states: Tensor, segments: Segments) throws -> (states: Tensor, segments: Segments) {
        var x = states
        if let projection, let projectionNorm { x = try projection(x).layerNorm(projectionNorm) }  // [frames, width]
        var segments = segments
        for layer in layers {
            // Each utterance with its zeros, its length a multiple of the stride, so that windows begin at its first
            // row.
            let (rows, offsets) = padded(segments)
            let window = ConvolutionWindow(
                kernel: configuration.kernel, stride: configuration.stride, rows: offsets.end / configuration.stride)
            let missing = max(0, window.inputRows - rows.count)
            let gapped = try x.gathered(rows: rows + [Int32](repeating: -1, count: missing))
            let value = try gapped.convolution(layer.value.weight, bias: layer.value.bias, window: window)
            let gate = try gapped.convolution(
                layer.gate.weight, bias: layer.gate.bias, window: window, activation: .sigmoid)
            x = try value.multiplied(by: gate)  // [rows, width]
            segments = Segments(
                offsets: offsets.starts.map { $0 / configuration.stride },
                lengths: segments.lengths.map(configuration.frameCount))
        }
        return (try x.gathered(rows: segments.rowIndices), Segments(lengths: segments.lengths))
    }

    /// Which rows of the layer below come where, -1 for zeros.
    private func padded(_ segments: Segments) -> (rows: [Int32], offsets: (starts: [Int], end: Int)) {
        var rows: [Int32] = []
        var starts: [Int] = []
        let padding = [Int32](repeating: -1, count: Configuration.Adapter.padding)
        for index in 0..<segments.count {
            starts.append(rows.count)
            rows += padding + segments[index].map(Int32.init) + padding
            let rest = rows.count % configuration.stride
            if rest > 0 { rows += [Int32](repeating: -1, count: configuration.stride - rest) }
        }
        return (rows, (starts, rows.count))
    }
}
