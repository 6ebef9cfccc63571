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
        /// What the checkpoint's own head gives.
        case head(HeadStyle)
    }

    let product: Product

    init(_ product: Product) { self.product = product }

    /// - Throws: `UsageError` for options that don't go together or ask for what this checkpoint doesn't have.
    init(_ options: RunOptions, _ configuration: Configuration) throws {
        product = try Self.product(options, configuration)
        try options.live?.check(options, writes: product)
    }

    private static func product(_ options: RunOptions, _ configuration: Configuration) throws -> Product {
        guard options.texts == nil || configuration.hasCTCHead else {
            throw UsageError("align needs a model with a CTC head, which \(options.model.name) has not")
        }
        let task = options.task == .auto ? configuration.task : options.task
        guard task == .features || options.layer == nil else { throw UsageError("--layer needs --task features") }
        guard task == .transcribe || options.timestamps == nil else {
            throw UsageError("--timestamps is for transcripts, not for --task \(task.rawValue)")
        }
        guard task == .classify || options.topK == nil else { throw UsageError("--top-k needs --task classify") }
        guard task == .frames || options.threshold == nil else { throw UsageError("--threshold needs --task frames") }
        guard task == .translate || options.beamCount == nil else { throw UsageError("--beams needs --task translate") }
        if task != .transcribe, let name = options.decoder.nameOfAny {
            throw UsageError("\(name) is for transcripts, not for --task \(task.rawValue)")
        }
        guard task.fits(configuration) else {
            throw UsageError(
                "\(options.model.name) (\(configuration.architectures.joined(separator: ", "))) has no"
                    + " \(task.need); use --task \(configuration.task.rawValue)")
        }
        if task == .translate {
            return .translation(try translationFormat(options))
        }
        if let option = options.subtitleOption, options.format.flatMap(\.transcriptFormat)?.hasCues != true {
            throw UsageError("\(option.name) is for subtitles; add --format srt, vtt, lrc or tsv")
        }
        guard task == .transcribe || options.languages.identifier == nil else {
            throw UsageError("--language auto is for transcripts")
        }
        if let kind = headKind(task, options, configuration.head) {
            return .head(try HeadStyle(kind, task: task, format: options.format))
        }
        guard task == .transcribe else {
            guard options.format == nil || options.format == .safetensors else { throw writesTensors(task) }
            return .tensors(try featureNames(options.layer, layerCount: configuration.layerCount))
        }
        guard let format = (options.format ?? .text).transcriptFormat else {
            throw UsageError("--format safetensors holds no text; add --task features or --task logits")
        }
        guard format == .json || !options.decoder.asksForAlternatives else {
            throw UsageError("--nbest needs --format json; \(format.rawValue) holds one text")
        }
        let style = try TranscriptStyle(
            format: format, timestamps: timestamps(options, format), subtitles: options.subtitles,
            isAlignment: options.texts != nil)
        return options.texts == nil ? .transcript(style) : .alignment(style)
    }

    private static func translationFormat(_ options: RunOptions) throws -> TranslationFormat {
        if let option = options.subtitleOption ?? (options.givesStride ? .strideSeconds : nil) {
            throw UsageError("\(option.name) is not for translations")
        }
        guard let format = TranslationFormat(rawValue: (options.format ?? .text).rawValue) else {
            throw UsageError("translations have no times of words; use --format text or json")
        }
        return format
    }

    static func writesTensors(_ task: RunOptions.Task) -> UsageError {
        UsageError("--task \(task.rawValue) writes tensors, which only safetensors holds; leave --format out")
    }

    /// Nil for tasks that aren't a head's own.
    private static func headKind(
        _ task: RunOptions.Task, _ options: RunOptions, _ head: Configuration.Head
    ) -> HeadStyle.Kind? {
        switch (task, head) {
        case (.classify, .sequenceClassifier(let classes, _)): .labels(classes, count: options.topK ?? 5)
        case (.frames, _): .activity(threshold: options.threshold ?? 0.5)
        case (.embed, _): .embedding
        case (.logits, _): .tensors
        default: nil
        }
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
        case .head(let style): style.fileExtension
        case .tensors: "safetensors"
        }
    }

    /// Whether several results can follow each other in a stream.
    var holdsSeveralResults: Bool {
        switch product {
        case .transcript(let style), .alignment(let style): style.format.holdsSeveralResults
        case .translation: true
        case .head(let style): style.holdsSeveralResults
        case .tensors: false
        }
    }

    var isBinary: Bool { fileExtension == "safetensors" }

    /// Whether the text is to be found out, which takes a decoder.
    var writesText: Bool { if case .transcript = product { true } else { false } }
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

    /// - Throws: `UsageError` for formats that need all of the audio first.
    var stream: TranscriptStream {
        get throws { try TranscriptStream(format, timestamps: timestamps, rules: subtitles) }
    }

    func text(of result: TranscriptionResult, isOneOfSeveral: Bool) throws -> String {
        if format == .text, isAlignment { return wordTable(of: result, audio: isOneOfSeveral ? result.audio : nil) }
        return isOneOfSeveral
            ? try format.record(of: result, timestamps: timestamps)
            : try format.document(of: result, timestamps: timestamps, rules: subtitles)
    }
}
