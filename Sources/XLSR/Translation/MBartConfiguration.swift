import TensorEngine

/// The fields of a text decoder that change what it computes: Hugging Face's `MBartConfig`.
public struct MBartConfiguration: Hashable, Sendable {
    public let hiddenSize: Int
    public let layerCount: Int
    public let headCount: Int
    public let intermediateSize: Int
    /// nil is the identity.
    public let activation: UnaryKind?
    public let vocabularySize: Int
    /// Tokens that a text can have.
    public let positionLimit: Int
    /// Token embeddings are multiplied by `√hiddenSize`.
    public let scalesEmbedding: Bool
    /// The output matrix is that of the token embeddings.
    public let tiesEmbeddings: Bool

    /// What `MBartConfig` takes for tokens that a file doesn't name.
    static let tokenDefaults: [String: JSON] = [
        "bos_token_id": .int(0), "pad_token_id": .int(1), "eos_token_id": .int(2), "forced_eos_token_id": .int(2),
    ]

    /// - Throws: `CheckpointError` that names the field.
    init(_ fields: ConfigurationFields) throws {
        let type = try fields.string("model_type", default: "")
        guard type == "mbart" else {
            throw fields.error("model_type", "the decoder \"\(type)\" is not supported; \"mbart\" is")
        }
        try fields.refuse("cross_attention_hidden_size", "is not supported") { $0 != .null }
        try fields.refuse("add_cross_attention", "the decoder doesn't see the speech") { $0 == .bool(false) }
        hiddenSize = try fields.integer("d_model", default: 1_024, in: 1...65_536)
        layerCount = try fields.integer("decoder_layers", default: 12, in: 0...1_000)
        headCount = try fields.integer("decoder_attention_heads", default: 16, in: 1...65_536)
        intermediateSize = try fields.integer("decoder_ffn_dim", default: 4_096, in: 1...1_000_000)
        activation = try fields.activation("activation_function")
        vocabularySize = try fields.integer("vocab_size", default: 50_265, in: 1...10_000_000)
        positionLimit = try fields.integer("max_position_embeddings", default: 1_024, in: 1...1_000_000)
        scalesEmbedding = try fields.bool("scale_embedding", default: false)
        tiesEmbeddings = try fields.bool("tie_word_embeddings", default: true)
        guard hiddenSize % headCount == 0 else {
            throw fields.error("decoder_attention_heads", "\(headCount) heads don't divide d_model \(hiddenSize)")
        }
    }
}

extension MBartConfiguration {
    /// Numbers that a decoder's step reads: all matrices but the embeddings, of which it reads rows, and the keys and
    /// values of the speech, which are computed once.
    public var weightCountPerStep: Int {
        let layer = 6 * hiddenSize * hiddenSize + 2 * hiddenSize * intermediateSize
        return layerCount * layer + vocabularySize * hiddenSize
    }
}
