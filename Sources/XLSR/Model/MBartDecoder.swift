import TensorEngine

/// A text decoder that attends to speech, with a cache of keys and values. Hugging Face's `MBartForCausalLM` with
/// cross-attention.
struct MBartDecoder: Sendable {
    let configuration: MBartConfiguration
    private let embedding: TokenEmbedding
    private let embeddingNorm: Normalization
    private let layers: [MBartDecoderLayer]
    private let norm: Normalization
    /// `[vocabulary, hidden]`
    private let output: PreparedWeight
    private let backend: any Backend

    init(_ weights: WeightReader, _ configuration: MBartConfiguration) throws {
        self.configuration = configuration
        backend = weights.backend
        let hidden = configuration.hiddenSize
        let decoder = weights.scope("model").scope("decoder")
        // Tied matrices are saved once, under either name.
        let tokens: Shape = [configuration.vocabularySize, hidden]
        let (inputName, outputName) = ("model.decoder.embed_tokens.weight", "lm_head.weight")
        let isTied = configuration.tiesEmbeddings
        let inputs = isTied && !weights.contains(inputName) ? outputName : inputName
        embedding = TokenEmbedding(
            tokens: try weights.stored(inputs, tokens),
            positions: try decoder.stored("embed_positions.weight", [configuration.positionLimit + 2, hidden]),
            scale: configuration.scalesEmbedding ? Float(hidden).squareRoot() : 1)
        if isTied, weights.contains(outputName) { _ = try weights.stored(outputName, tokens) }
        output = try weights.weight([isTied ? inputs : outputName], tokens)
        embeddingNorm = try decoder.norm("layernorm_embedding", channels: hidden, epsilon: MBartDecoderLayer.epsilon)
        norm = try decoder.norm("layer_norm", channels: hidden, epsilon: MBartDecoderLayer.epsilon)
        layers = try (0..<configuration.layerCount).map {
            try MBartDecoderLayer(decoder.scope("layers.\($0)"), configuration)
        }
    }

    /// Reads the speech of some utterances, `[frames of all, hidden]`: from now on the decoder attends to it.
    func begin(_ states: Tensor, segments: Segments) throws -> MBartDecoderState {
        try MBartDecoderState(
            speech: try layers.map { try $0.speechKeysValues(states) }, segments: segments,
            cacheColumns: 2 * configuration.hiddenSize, layerCount: layers.count, on: backend)
    }

    /// Appends tokens to hypotheses: one row each, of which several may be of one hypothesis.
    /// - Returns: the rows' last hidden states `[rows, hidden]`, to be given to `logits`.
    func states(after steps: [MBartDecoderState.Step], _ state: MBartDecoderState) throws -> Tensor {
        let rows = try state.attend(to: steps)
        var x = try Tensor(embedding(steps), shape: [steps.count, configuration.hiddenSize], on: backend)
            .layerNorm(embeddingNorm)  // [rows, hidden]
        for (index, layer) in layers.enumerated() {
            try CancellationFlag.check()
            x = try layer(x, state, index, rows)
        }
        return try x.layerNorm(norm)
    }

    /// `[rows, hidden]` → `[rows, vocabulary]`
    func logits(_ states: Tensor) throws -> Tensor { try states.linear(output) }
}

/// What the decoder adds up for a token at its place. The tables stay where the checkpoint is mapped: a step needs a
/// row of each, while a copy of mBART-50's would take a gigabyte.
private struct TokenEmbedding: Sendable {
    /// `[vocabulary, hidden]`
    let tokens: StoredWeight
    /// `[positions + 2, hidden]`: fairseq's rows 0 and 1 stood for padding.
    let positions: StoredWeight
    let scale: Float

    /// `[rows, hidden]`
    func callAsFunction(_ steps: [MBartDecoderState.Step]) -> [Float] {
        steps.flatMap { step in
            zip(tokens.row(step.token), positions.row(step.position + 2)).map { $0 * scale + $1 }
        }
    }
}
