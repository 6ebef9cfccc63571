import TensorEngine

/// What `RecognizerTraining` learned.
public struct TrainedRecognizer: Sendable {
    let weights: TrainedWeights
    let vocabulary: TrainingVocabulary
    /// What learned beside the head.
    public let part: RecognizerTraining.Part
    /// Of each adapter; nil without any.
    public let width: Int?
    public let epochs: [RecognizerTraining.Epoch]
    /// The number of the epoch that this is of: that with the fewest wrong characters in what was held out, or the last.
    public let bestEpoch: Int
    /// Files that were learned from.
    public let fileCount: Int
    /// Files that only decided how good that was.
    public let heldCount: Int

    /// Numbers that were learned.
    public var parameterCount: Int { weights.parameterCount }
    /// Whether the checkpoint's own vocabulary and head were gone on from.
    public var keepsVocabulary: Bool { vocabulary.isKept }
    public var vocabularySize: Int { vocabulary.size }
}

extension RecognizerTraining {
    /// Writes the checkpoint with what was learned, as Hugging Face's `Wav2Vec2ForCTC`: it loads like any other, and in
    /// transformers.
    /// - Parameters:
    ///   - folder: made when it isn't there.
    ///   - replaces: whether the folder has an earlier result of this training, whose place it takes.
    /// - Throws: `UsageError` for a folder that holds files already; `CheckpointError` for what can't be read or
    ///   written. Then nothing is left, or the earlier result as it was.
    public func write(
        _ trained: TrainedRecognizer, to folder: String, replaces: Bool = false,
        progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
    ) throws {
        guard let files = model.files else { return }
        let weights = trained.weights
        let head = NewHead(
            tensors: try weights.tensorNames.map { ($0, try weights.tensor(named: $0)) },
            fields: [
                "architectures": .array([.string("Wav2Vec2ForCTC")]),
                "adapter_attn_dim": trained.width.map { .int($0) } ?? .null,
                "vocab_size": .int(trained.vocabularySize), "pad_token_id": .int(trained.vocabulary.tokenizer.blankID),
                "bos_token_id": .null, "eos_token_id": .null,
            ],
            files: trained.vocabulary.files)
        try CheckpointConverter.convert(
            files, to: nil, folder: folder, head: head, replaces: replaces, progress: progress)
    }
}
