import XLSR

/// What `xlsr train --task transcribe` tells of the recogniser that it wrote.
struct RecognizerReport {
    let model: String
    let folder: String
    let trained: TrainedAdapters
    /// Files that couldn't be used.
    let failureCount: Int

    private var best: AdapterTraining.Epoch? { trained.epochs.first { $0.number == trained.bestEpoch } }

    var text: String {
        let vocabulary =
            "\(counted(trained.vocabularySize, "token")), \(trained.keepsVocabulary ? "the checkpoint's" : "new")"
        let lines = [
            ("files", "\(trained.fileCount) learned from, \(trained.heldCount) held out"),
            ("epochs", "\(trained.epochs.count), number \(trained.bestEpoch) is written"),
            ("measured", best.map(\.text) ?? ""), ("vocabulary", vocabulary),
            ("adapters", "of width \(trained.width), \(trained.parameterCount) numbers with the head"),
            ("written", folder),
        ]
        return lines.map { padded($0, 12) + $1 + "\n" }.joined()
    }
}

extension AdapterTraining.Epoch {
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
            keepsVocabulary = "keeps_vocabulary", adapterWidth = "adapter_width", parameters, epochs,
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
        try object.encode(trained.width, forKey: .adapterWidth)
        try object.encode(trained.parameterCount, forKey: .parameters)
        try object.encode(trained.epochs.map(EpochReport.init), forKey: .epochs)
        try object.encode(trained.bestEpoch, forKey: .bestEpoch)
        try object.encode(failureCount, forKey: .failures)
    }

    private struct EpochReport: Encodable {
        let loss: Double
        let wordErrorRate: Double?
        let characterErrorRate: Double?

        init(_ epoch: AdapterTraining.Epoch) {
            loss = epoch.loss
            wordErrorRate = epoch.words?.errorRate
            characterErrorRate = epoch.characters?.errorRate
        }

        enum CodingKeys: String, CodingKey {
            case loss, wordErrorRate = "word_error_rate", characterErrorRate = "character_error_rate"
        }
    }
}
