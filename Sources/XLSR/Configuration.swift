import TensorEngine

/// The fields of a checkpoint's `config.json` that change what it computes: Hugging Face's `Wav2Vec2Config`.
/// Fields that a file leaves out have Hugging Face's defaults.
public struct Configuration: Hashable, Sendable {
    public enum FrontEndNorm: String, Sendable {
        /// Group norm over time after the first convolution only.
        case group
        /// Layer norm over channels after every convolution.
        case layer
    }

    /// One convolution of the front-end.
    public struct ConvolutionLayer: Hashable, Sendable {
        public let channels: Int
        public let kernel: Int
        public let stride: Int
    }

    /// Hugging Face's class names; they decide what the checkpoint is for.
    public let architectures: [String]
    public let convolutions: [ConvolutionLayer]
    public let convolutionBias: Bool
    public let frontEndNorm: FrontEndNorm
    /// `feat_extract_activation`: of the front-end and of the positional convolution. nil is the identity.
    public let frontEndActivation: UnaryKind?
    public let hiddenSize: Int
    public let layerCount: Int
    public let headCount: Int
    public let intermediateSize: Int
    /// `hidden_act`: of the feed-forward blocks. nil is the identity.
    public let activation: UnaryKind?
    public let layerNormEpsilon: Float
    /// Norms before the blocks (XLS-R) rather than after them (wav2vec 2.0 base).
    public let usesStableLayerNorm: Bool
    public let positionalKernel: Int
    public let positionalGroups: Int
    /// Changes with the language, where there are language adapters.
    public internal(set) var vocabularySize: Int
    /// `adapter_attn_dim`: the width of the language adapters after each encoder layer; nil without them, and without
    /// stable layer norm.
    public let adapterWidth: Int?
    /// The CTC blank.
    public let padTokenID: Int
    /// Convolutions between the encoder and the head.
    public let adapter: Adapter?
    public let head: Head
    /// nil where a head takes the last hidden states.
    public let layerSum: LayerSum?

    static let longestHop = 1_000_000

    /// Samples from one frame to the next.
    public var hop: Int { convolutions.reduce(1) { $0 * $1.stride } }

    /// Samples that one frame sees: `1 + Σ (kernel - 1) · hop so far`.
    public var receptiveField: Int {
        var (field, hop) = (1, 1)
        for layer in convolutions {
            field += (layer.kernel - 1) * hop
            hop *= layer.stride
        }
        return field
    }

    /// Frames of an utterance after the first `layers` convolutions: `⌊(n - kernel) / stride⌋ + 1` each.
    public func frameCount(samples: Int, layers: Int? = nil) -> Int {
        var count = samples
        for layer in convolutions.prefix(layers ?? convolutions.count) {
            guard count >= layer.kernel else { return 0 }
            count = (count - layer.kernel) / layer.stride + 1
        }
        return count
    }
}

extension Configuration {
    /// Parses a `config.json`.
    /// - Throws: `CheckpointError` that names the field.
    package init(fields: [String: JSON], path: String) throws {
        let fields = ConfigurationFields(fields, path: path)
        try fields.requireOneOf("model_type", ["wav2vec2"])

        architectures = try fields.strings("architectures", default: [])
        hiddenSize = try fields.integer("hidden_size", default: 768, in: 1...65_536)
        layerCount = try fields.integer("num_hidden_layers", default: 12, in: 0...1_000)
        headCount = try fields.integer("num_attention_heads", default: 12, in: 1...65_536)
        intermediateSize = try fields.integer("intermediate_size", default: 3_072, in: 1...1_000_000)
        activation = try fields.activation("hidden_act")
        frontEndActivation = try fields.activation("feat_extract_activation")
        layerNormEpsilon = try fields.number("layer_norm_eps", default: 1e-5, in: 0...1)
        usesStableLayerNorm = try fields.bool("do_stable_layer_norm", default: false)
        convolutionBias = try fields.bool("conv_bias", default: false)
        let norm = try fields.string("feat_extract_norm", default: "group")
        guard let frontEndNorm = FrontEndNorm(rawValue: norm) else {
            throw fields.error("feat_extract_norm", "is \"\(norm)\", not \"group\" or \"layer\"")
        }
        self.frontEndNorm = frontEndNorm
        positionalKernel = try fields.integer("num_conv_pos_embeddings", default: 128, in: 1...100_000)
        positionalGroups = try fields.integer("num_conv_pos_embedding_groups", default: 16, in: 1...65_536)
        vocabularySize = try fields.integer("vocab_size", default: 32, in: 1...10_000_000)
        padTokenID = try fields.integer("pad_token_id", default: 0, in: 0...10_000_000)
        let adapterWidth = try fields.optionalInteger("adapter_attn_dim", in: 1...65_536)
        // Other layers have none in transformers either.
        self.adapterWidth = usesStableLayerNorm ? adapterWidth : nil
        convolutions = try Self.convolutions(fields)
        let hop = convolutions.reduce(1) { $0 * $1.stride }
        adapter = try Adapter(fields, hiddenSize: hiddenSize, hop: hop)
        head = try Head(fields, architectures: architectures, hiddenSize: hiddenSize, adapter: adapter)
        layerSum = try LayerSum(fields)

        guard hiddenSize % headCount == 0 else {
            throw fields.error("num_attention_heads", "\(headCount) heads don't divide hidden_size \(hiddenSize)")
        }
        guard hiddenSize % positionalGroups == 0 else {
            throw fields.error(
                "num_conv_pos_embedding_groups", "\(positionalGroups) groups don't divide hidden_size \(hiddenSize)")
        }
    }

    private static func convolutions(_ fields: ConfigurationFields) throws -> [ConvolutionLayer] {
        let channels = try fields.integers(
            "conv_dim", default: [512, 512, 512, 512, 512, 512, 512], in: 1...65_536)
        let kernels = try fields.integers("conv_kernel", default: [10, 3, 3, 3, 3, 2, 2], in: 1...10_000)
        let strides = try fields.integers("conv_stride", default: [5, 2, 2, 2, 2, 2, 2], in: 1...10_000)
        guard !channels.isEmpty, channels.count <= 32 else {
            throw fields.error("conv_dim", "has \(channels.count) layers, not 1 to 32")
        }
        for (name, list) in [("conv_kernel", kernels), ("conv_stride", strides)] where list.count != channels.count {
            throw fields.error(name, "has \(list.count) layers, but conv_dim has \(channels.count)")
        }
        var hop = 1
        for stride in strides {
            hop *= stride
            guard hop <= longestHop else {
                throw fields.error("conv_stride", "the product of all strides is too large")
            }
        }
        return zip(channels, zip(kernels, strides)).map {
            ConvolutionLayer(channels: $0, kernel: $1.0, stride: $1.1)
        }
    }
}
