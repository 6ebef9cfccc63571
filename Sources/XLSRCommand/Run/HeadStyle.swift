import XLSR

/// How the outputs of a checkpoint's head are written.
struct HeadStyle: Sendable {
    enum Kind: Sendable {
        /// So many labels of the whole audio.
        case labels(Configuration.Classification, count: Int)
        /// Stretches of time whose probability of a label is above a threshold.
        case activity(threshold: Double)
        case embedding
        /// Everything, as tensors.
        case tensors
    }

    let kind: Kind
    let format: RunOptions.Format

    /// - Throws: `UsageError` for a format that can't hold it.
    init(_ kind: Kind, task: RunOptions.Task, format: RunOptions.Format?) throws {
        self.kind = kind
        var formats: [RunOptions.Format] = [.text, .json, .safetensors]
        switch kind {
        case .labels, .embedding: break
        case .activity: formats.append(.rttm)
        case .tensors: formats = [.safetensors]
        }
        let chosen = format ?? formats[0]
        guard formats.contains(chosen) else {
            guard formats.count > 1 else { throw RunPlan.writesTensors(task) }
            throw UsageError(
                "--task \(task.rawValue) can't be written as \(chosen.rawValue); use --format"
                    + " \(formats.map(\.rawValue).joined(separator: ", "))")
        }
        self.format = chosen
    }

    var fileExtension: String { format == .text ? "txt" : format.rawValue }

    var holdsSeveralResults: Bool { format != .safetensors }
}

extension Configuration {
    /// What `--task auto` stands for.
    var task: RunOptions.Task {
        if translates { return .translate }
        return switch head {
        case .ctc: .transcribe
        case .sequenceClassifier: .classify
        case .frameClassifier: .frames
        case .xVector: .embed
        case .none, .pretraining: .features
        }
    }
}

extension RunOptions.Task {
    func fits(_ configuration: Configuration) -> Bool {
        switch self {
        case .auto, .features: true
        case .logits: configuration.head != .none
        default: configuration.task == self
        }
    }

    /// The head that it can't do without, and what for.
    var need: String {
        switch self {
        case .auto, .features: ""
        case .transcribe: "CTC head, so no text"
        case .translate: "text decoder, so no translation"
        case .classify: "head that classifies whole audio, so no labels"
        case .frames: "head that classifies frames, so no segments"
        case .embed: "x-vector head, so no embeddings"
        case .logits: "head, so no logits"
        }
    }
}
