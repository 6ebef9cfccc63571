import XLSR

/// Options checked against the checkpoint's configuration: what to compute for each input and how to write it.
struct RunPlan: Sendable {
    enum Product: Sendable {
        case transcript(TranscriptStyle)
        /// Words of a known text with their times.
        case alignment(TranscriptStyle)
        case translation(TranslationFormat)
        /// Blocks' outputs by Hugging Face's names.
        case tensors([String])
    }

    let product: Product

    /// - Throws: `UsageError` for options that don't go together or ask for what this checkpoint doesn't have.
    init(_ options: RunOptions, _ configuration: Configuration) throws {
        let task = options.task == .auto ? Self.task(of: configuration) : options.task
        if task == .translate {
            product = .translation(try Self.translationFormat(options, configuration))
            return
        }
        guard options.beamCount == nil else { throw UsageError("--beams is for --task translate") }
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

    private static func task(of configuration: Configuration) -> RunOptions.Task {
        configuration.translates ? .translate : configuration.hasCTCHead ? .transcribe : .features
    }

    private static func translationFormat(
        _ options: RunOptions, _ configuration: Configuration
    ) throws -> TranslationFormat {
        guard configuration.translates else {
            throw UsageError(
                "\(options.model.name) (\(configuration.architectures.joined(separator: ", "))) has no text decoder,"
                    + " so it translates nothing; use --task transcribe")
        }
        guard options.texts == nil else { throw UsageError("align needs a model with a CTC head") }
        let unfit: [(Bool, String)] = [
            (options.layer != nil, "--layer"), (options.timestamps != nil, "--timestamps"),
            (options.subtitleOption != nil, options.subtitleOption?.name ?? ""),
            (options.givesStride, "--stride-seconds"),
        ]
        if let option = unfit.first(where: \.0)?.1 { throw UsageError("\(option) is not for translations") }
        guard let format = TranslationFormat(rawValue: (options.format ?? .text).rawValue) else {
            throw UsageError("translations have no times of words; use --format text or json")
        }
        return format
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
        case .translation(let format): format.fileExtension
        case .tensors: "safetensors"
        }
    }

    /// Whether several results can follow each other in a stream.
    var holdsSeveralResults: Bool {
        switch product {
        case .transcript(let style), .alignment(let style): style.format.holdsSeveralResults
        case .translation: true
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
