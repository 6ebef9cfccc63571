import XLSR

/// Options checked against the checkpoint's configuration: what to compute for each input and how to write it.
struct RunPlan: Sendable {
    enum Product: Sendable {
        case transcript(TranscriptStyle)
        /// Words of a known text with their times.
        case alignment(TranscriptStyle)
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
        guard task == .features || configuration.hasCTCHead else {
            throw UsageError(
                "\(options.model.name) (\(configuration.architectures.joined(separator: ", "))) has no CTC head,"
                    + " so no \(task == .logits ? "logits" : "text"); use --task features")
        }
        if let option = options.subtitleOption, options.format.flatMap(\.transcriptFormat)?.hasCues != true {
            throw UsageError("\(option.name) is for subtitles; add --format srt, vtt, lrc or tsv")
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
        guard let format = (options.format ?? .text).transcriptFormat else {
            throw UsageError("--format safetensors holds no text; add --task features or --task logits")
        }
        let style = try TranscriptStyle(
            format: format, timestamps: Self.timestamps(options, format), subtitles: options.subtitles,
            isAlignment: options.texts != nil)
        product = options.texts == nil ? .transcript(style) : .alignment(style)
    }

    private static func timestamps(_ options: RunOptions, _ format: TranscriptFormat) throws -> TimestampLevel {
        let level = options.timestamps ?? (format == .json ? .word : .none)
        guard format == .json || level == .none || (format == .lrc && level == .word) else {
            throw UsageError(
                format == .text
                    ? "--timestamps needs --format json; the other formats have times of their own"
                    : "--timestamps \(level.rawValue) is for --format json; \(format.rawValue) has times of its own")
        }
        return level
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
        case .transcript(let style), .alignment(let style): style.format.fileExtension
        case .tensors: "safetensors"
        }
    }

    /// Whether several results can follow each other in a stream.
    var holdsSeveralResults: Bool {
        switch product {
        case .transcript(let style), .alignment(let style): style.format.holdsSeveralResults
        case .tensors: false
        }
    }

    var isBinary: Bool { if case .tensors = product { true } else { false } }
}

extension RunOptions.Format {
    /// Nil for what holds tensors.
    fileprivate var transcriptFormat: TranscriptFormat? { TranscriptFormat(rawValue: rawValue) }
}

/// How a transcript is written.
struct TranscriptStyle: Sendable {
    let format: TranscriptFormat
    let timestamps: TimestampLevel
    let subtitles: SubtitleRules
    /// Of a text that the user has, the times are what is asked for.
    let isAlignment: Bool

    func text(of result: TranscriptionResult, isOneOfSeveral: Bool) throws -> String {
        if format == .text, isAlignment { return wordTable(of: result, audio: isOneOfSeveral ? result.audio : nil) }
        return isOneOfSeveral
            ? try format.record(of: result, timestamps: timestamps)
            : try format.document(of: result, timestamps: timestamps, rules: subtitles)
    }
}
