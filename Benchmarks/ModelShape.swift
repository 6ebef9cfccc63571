import XLSR

/// The published sizes of XLS-R, and a tiny one. Source: arXiv 2111.09296, table 1.
package enum ModelShape: String, CaseIterable, Sendable {
    /// Of no use but to try a benchmark out.
    case tiny = "tiny"
    case small = "300m"
    case medium = "1b"
    case large = "2b"

    /// As in the published `config.json`, with a CTC head of 64 tokens.
    package var configuration: Configuration {
        get throws {
            let (hidden, layers, intermediate, heads) =
                switch self {
                case .tiny: (64, 2, 128, 4)
                case .small: (1024, 24, 4096, 16)
                case .medium: (1280, 48, 5120, 16)
                case .large: (1920, 48, 7680, 16)
                }
            let fields: [String: JSON] = [
                "model_type": .string("wav2vec2"), "architectures": .array([.string("Wav2Vec2ForCTC")]),
                "hidden_size": .int(hidden), "num_hidden_layers": .int(layers), "num_attention_heads": .int(heads),
                "intermediate_size": .int(intermediate), "conv_bias": .bool(true),
                "feat_extract_norm": .string("layer"), "do_stable_layer_norm": .bool(true), "vocab_size": .int(64),
            ]
            return try Configuration(fields: fields, path: "shape \(rawValue)")
        }
    }
}
