import TensorEngine
import XLSR

/// A checkpoint that is written nowhere: each tensor is made of random numbers when it is asked for, the same numbers
/// each time, so that the largest shapes take no more memory than their prepared weights.
package struct RandomCheckpoint: TensorFile {
    package let path: String
    private let shapes: [String: Shape]

    /// The tensors that `Wav2Vec2ForCTC` of this configuration has.
    package init(_ configuration: Configuration, name: String) {
        path = name
        var shapes: [String: Shape] = [:]
        func add(_ name: String, _ weight: Shape, bias: Int?) {
            shapes[name + ".weight"] = weight
            if let bias { shapes[name + ".bias"] = [bias] }
        }
        let hidden = configuration.hiddenSize
        var channels = 1
        for (index, layer) in configuration.convolutions.enumerated() {
            let name = "wav2vec2.feature_extractor.conv_layers.\(index)"
            add(
                "\(name).conv", [layer.channels, channels, layer.kernel],
                bias: configuration.convolutionBias ? layer.channels : nil)
            channels = layer.channels
            if configuration.frontEndNorm == .layer || index == 0 {
                add("\(name).layer_norm", [channels], bias: channels)
            }
        }
        add("wav2vec2.feature_projection.layer_norm", [channels], bias: channels)
        add("wav2vec2.feature_projection.projection", [hidden, channels], bias: hidden)
        let positional = "wav2vec2.encoder.pos_conv_embed.conv"
        let kernel = configuration.positionalKernel
        shapes["\(positional).weight_g"] = [1, 1, kernel]
        shapes["\(positional).weight_v"] = [hidden, hidden / configuration.positionalGroups, kernel]
        shapes["\(positional).bias"] = [hidden]
        add("wav2vec2.encoder.layer_norm", [hidden], bias: hidden)
        for layer in 0..<configuration.layerCount {
            let name = "wav2vec2.encoder.layers.\(layer)"
            for projection in ["q_proj", "k_proj", "v_proj", "out_proj"] {
                add("\(name).attention.\(projection)", [hidden, hidden], bias: hidden)
            }
            let intermediate = configuration.intermediateSize
            add("\(name).feed_forward.intermediate_dense", [intermediate, hidden], bias: intermediate)
            add("\(name).feed_forward.output_dense", [hidden, intermediate], bias: hidden)
            add("\(name).layer_norm", [hidden], bias: hidden)
            add("\(name).final_layer_norm", [hidden], bias: hidden)
        }
        let tokens = configuration.vocabularySize
        if configuration.hasCTCHead { add("lm_head", [tokens, hidden], bias: tokens) }
        self.shapes = shapes
    }

    package var tensorNames: [String] { Array(shapes.keys) }

    package func shape(of name: String) -> Shape? { shapes[name] }

    /// Biases in ±0.1, gains in 1 ± 0.1, weights with a variance of 1 / fan-in, so that signals keep their size.
    package func tensor(named name: String) throws -> HostArray {
        guard let shape = shapes[name] else {
            throw CheckpointError(.weights, path: path, "there is no tensor named \(name)")
        }
        let isGain = name.hasSuffix("_norm.weight") || name.hasSuffix("weight_g")
        let fanIn = shape.rank > 1 ? shape.count / shape[0] : 1
        let scale = shape.rank == 1 || isGain ? 0.1 : (3 / Float(fanIn)).squareRoot()
        let values = RandomFloats.bytes(
            count: shape.count, seed: RandomFloats.seed(name), scale: scale, offset: isGain ? 1 : 0)
        let byteCount = values.count
        return HostArray(shape: shape, dtype: .float32, memory: ArrayMemory(values), byteRange: 0..<byteCount)
    }
}
