import XLSR

/// What `xlsr train --task transcribe` tells of the recogniser that it wrote.
struct RecognizerReport {
    let model: String
    let folder: String
    let trained: TrainedRecognizer
    /// Files that couldn't be used.
    let failureCount: Int

    private var best: RecognizerTraining.Epoch? { trained.epochs.first { $0.number == trained.bestEpoch } }

    private var part: String {
        switch trained.part {
        case .adapters: "adapters" + (trained.width.map { " of width \($0)" } ?? "")
        case .encoder: "the encoder's layers"
        }
    }

    var text: String {
        let vocabulary =
            "\(counted(trained.vocabularySize, "token")), \(trained.keepsVocabulary ? "the checkpoint's" : "new")"
        let lines = [
            ("files", "\(trained.fileCount) learned from, \(trained.heldCount) held out"),
            ("epochs", "\(trained.epochs.count), number \(trained.bestEpoch) is written"),
            ("measured", best.map(\.text) ?? ""), ("vocabulary", vocabulary),
            ("trained", "\(part) and the head, \(trained.parameterCount) numbers"),
            ("written", folder),
        ]
        return lines.map { padded($0, 12) + $1 + "\n" }.joined()
    }
}

extension RecognizerTraining.Epoch {
    var text: String {
        let errors = [(words, "words"), (characters, "characters")].compactMap { counts, name in
            counts.map { "\(percent($0.errorRate)) of \(name)" }
        }
        return "loss \(decimal(loss, 3))" + (errors.isEmpty ? "" : ", wrong: " + errors.joined(separator: ", "))
    }
}

extension RecognizerReport: Encodable {
    private enum CodingKeys: String, CodingKey {
        case version, model, folder, files, validationFiles = "validation_files", vocabularySize = "vocabulary_size",
            keepsVocabulary = "keeps_vocabulary", part = "trained", adapterWidth = "adapter_width", parameters, epochs,
            bestEpoch = "best_epoch", failures
    }

    func encode(to encoder: any Encoder) throws {
        var object = encoder.container(keyedBy: CodingKeys.self)
        try object.encode(1, forKey: .version)
        try object.encode(model, forKey: .model)
        try object.encode(folder, forKey: .folder)
        try object.encode(trained.fileCount, forKey: .files)
        try object.encode(trained.heldCount, forKey: .validationFiles)
        try object.encode(trained.vocabularySize, forKey: .vocabularySize)
        try object.encode(trained.keepsVocabulary, forKey: .keepsVocabulary)
        try object.encode(trained.part.rawValue, forKey: .part)
        try object.encodeIfPresent(trained.width, forKey: .adapterWidth)
        try object.encode(trained.parameterCount, forKey: .parameters)
        try object.encode(trained.epochs.map(EpochReport.init), forKey: .epochs)
        try object.encode(trained.bestEpoch, forKey: .bestEpoch)
        try object.encode(failureCount, forKey: .failures)
    }

    private struct EpochReport: Encodable {
        let loss: Double
        let wordErrorRate: Double?
        let characterErrorRate: Double?

        init(_ epoch: RecognizerTraining.Epoch) {
            loss = epoch.loss
            wordErrorRate = epoch.words?.errorRate
            characterErrorRate = epoch.characters?.errorRate
        }

        enum CodingKeys: String, CodingKey {
            case loss, wordErrorRate = "word_error_rate", characterErrorRate = "character_error_rate"
        }
    }
}
