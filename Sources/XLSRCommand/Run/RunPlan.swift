import XLSR

/// Options checked against the checkpoint's configuration: what to compute for each input and how to write it.
struct RunPlan: Sendable {
    enum Product: Sendable {
        case transcript(TranscriptFormat, TimestampLevel)
        /// Blocks' outputs by Hugging Face's names.
        case tensors([String])
    }

    let product: Product

    /// - Throws: `UsageError` for options that don't go together or ask for what this checkpoint doesn't have.
    init(_ options: RunOptions, _ configuration: Configuration) throws {
        let task = options.task == .auto ? (configuration.hasCTCHead ? .transcribe : .features) : options.task
        guard task == .features || options.layer == nil else { throw UsageError("--layer needs --task features") }
        guard task == .transcribe || options.timestamps == nil else {
            throw UsageError("--timestamps is for transcripts, not for --task \(task.rawValue)")
        }
        if task != .transcribe, let name = options.decoder.nameOfAny {
            throw UsageError("\(name) is for transcripts, not for --task \(task.rawValue)")
        }
        guard task == .features || configuration.hasCTCHead else {
            throw UsageError(
                "\(options.model.name) (\(configuration.architectures.joined(separator: ", "))) has no CTC head,"
                    + " so no \(task == .logits ? "logits" : "text"); use --task features")
        }
        guard task == .transcribe else {
            guard options.format == nil || options.format == .safetensors else {
                throw UsageError(
                    "--task \(task.rawValue) writes tensors, which only safetensors holds; leave --format out")
            }
            product = .tensors(
                task == .logits
                    ? ["logits"] : try Self.featureNames(options.layer, layerCount: configuration.layerCount))
            return
        }
        guard let format = TranscriptFormat(rawValue: (options.format ?? .text).rawValue) else {
            throw UsageError("--format safetensors holds no text; add --task features or --task logits")
        }
        guard format == .json || (options.timestamps ?? TimestampLevel.none) == TimestampLevel.none else {
            throw UsageError(
                format == .text
                    ? "--timestamps needs --format json; srt, vtt and tsv have the times of their cues"
                    : "--timestamps is for --format json; \(format.rawValue) always has the times of its cues")
        }
        guard format == .json || !options.decoder.asksForAlternatives else {
            throw UsageError("--nbest needs --format json; \(format.rawValue) holds one text")
        }
        product = .transcript(format, options.timestamps ?? .word)
    }

    private static func featureNames(_ layer: RunOptions.Layer?, layerCount: Int) throws -> [String] {
        switch layer {
        case nil: return ["last_hidden_state", "extract_features"]
        case .all:
            return (0...layerCount).map { "hidden_states.\($0)" } + ["last_hidden_state", "extract_features"]
        case .index(let index):
            guard index <= layerCount else {
                throw UsageError(
                    "--layer: this model has \(layerCount) layers, so hidden states 0 to \(layerCount), no \(index)")
            }
            return ["hidden_states.\(index)"]
        }
    }

    var fileExtension: String {
        switch product {
        case .transcript(let format, _): format.fileExtension
        case .tensors: "safetensors"
        }
    }

    /// Whether several results can follow each other in a stream.
    var holdsSeveralResults: Bool {
        switch product {
        case .transcript(let format, _): format.holdsSeveralResults
        case .tensors: false
        }
    }

    var isBinary: Bool { if case .tensors = product { true } else { false } }

    var writesText: Bool { !isBinary }
}
