import XLSR

extension Option {
    static let live = Option(
        "--live", "write what is said as it is said: utterance by utterance, from a WAV stream")
    static let pauseSeconds = Option(
        "--pause-seconds", value: "S", "with --live: the silence that ends an utterance [0.6]")
}

/// Speech that is transcribed or translated while it is spoken.
struct LiveOptions: Sendable {
    let pauseSeconds: Double

    /// Nil without `--live`.
    init?(_ arguments: Arguments) throws {
        let pauseSeconds = try arguments.number(.pauseSeconds, in: 0.1...60)
        guard arguments.has(.live) else {
            guard pauseSeconds == nil else { throw UsageError("--pause-seconds needs --live") }
            return nil
        }
        guard arguments.operands.count <= 1 else { throw UsageError("--live listens to one input") }
        for option in [Option.output, .strideSeconds, .split, .identifier] where arguments.has(option) {
            let remedy = option.name == Option.output.name ? "; it writes to standard output" : ""
            throw UsageError("\(option.name) doesn't go with --live\(remedy)")
        }
        self.pauseSeconds = pauseSeconds ?? 0.6
    }

    /// - Throws: `UsageError` for options that need all of the audio first.
    func check(_ options: RunOptions, writes product: RunPlan.Product) throws {
        switch product {
        case .transcript(let style): _ = try style.stream
        case .translation: break
        default: throw UsageError("--live is for transcripts and translations")
        }
        guard options.normalization != .file else { throw UsageError("--normalize file doesn't go with --live") }
        guard options.chunking.wholeSeconds.isFinite else {
            throw UsageError("--live needs chunks, but with --chunk-seconds 0 there are none")
        }
    }
}

extension RunSession {
    func transcribeLive(_ live: LiveOptions, _ style: TranscriptStyle) throws {
        var document = try style.stream
        try Terminal.printResult(document.header)
        try listen(live) { [decoder] in
            try $0.evidence(of: $1, for: decoder)
        } unfinished: { clip in
            // Best path, for speed.
            try self.model.transcribe([clip], chunking: .none)[0].text
        } text: { outcome, pieces, start in
            let transcript = try self.model.transcript(of: pieces, by: self.decoder)
            guard !transcript.text.isEmpty else { return "" }
            return try document.text(
                of: self.result(outcome, transcript.shifted(by: start), audio: self.inputs[0], start: start))
        }
    }

    func translateLive(_ live: LiveOptions, _ format: TranslationFormat) throws {
        let settings = try model.generationSettings(to: options.language, beamCount: options.beamCount)
        let tokenizer = try model.translationTokenizer
        try listen(live) { model, chunks in
            try model.translations(of: chunks, settings) { _, _ in }
        } text: { [inputs, model] outcome, segments, start in
            let translation = try model.translation(of: segments, settings)
            guard !translation.text.isEmpty else { return "" }
            return try TranslationResult(
                audio: inputs[0], translation, tokenizer, model: model, device: outcome.deviceNames,
                audioSeconds: outcome.audioSeconds, elapsedSeconds: outcome.elapsedSeconds, start: start
            ).text(format, isOneOfSeveral: false)
        }
    }

    /// Computes each utterance of a stream when it has ended, and those together that end while others are computed.
    /// - Parameters:
    ///   - unfinished: what a terminal shows of speech that goes on.
    ///   - text: what is written of an utterance that begins so many seconds after the stream.
    private func listen<Piece: Sendable>(
        _ live: LiveOptions, _ compute: @escaping @Sendable (XLSRModel, [ChunkInput]) throws -> [Piece],
        unfinished: ((AudioClip) throws -> String)? = nil,
        text: @escaping (ChunkedRun<Piece>.Outcome, [Piece], _ start: Double) throws -> String
    ) throws {
        let (file, source) = try AudioFile.openStream(inputs[0])
        Signals.interruptEndsInput()
        let reader = UtteranceReader(
            file, source: source, pauseSeconds: live.pauseSeconds, longestSeconds: options.chunking.seconds,
            showsUnfinished: unfinished != nil && ProgressBar.isEnabled)
        let minimumSeconds =
            Double(model.configuration.minimumSampleCount) / Double(model.featureExtractor.sampleRate)
        let clock = ContinuousClock()
        var isQuick = true
        while let heard = try reader.next({ utterance in
            // Where it takes long, what has ended would wait for it.
            guard isQuick, let unfinished else { return }
            let start = clock.now
            ProgressBar.show(try unfinished(utterance.clip) + " …", keepsEnd: true)
            isQuick = start.duration(to: clock.now) < .seconds(1)
        }) {
            let utterances = heard.filter { $0.clip.seconds >= minimumSeconds }
            let run = ChunkedRun(model, .none, batchSeconds: options.batchSeconds, compute: compute) { outcome in
                let text = try text(outcome, outcome.pieces.get(), utterances[outcome.index].start)
                if !text.isEmpty { try Terminal.printResult(text) }
            }
            try run.finish(utterances.map(\.clip))
            report.audioSeconds += utterances.reduce(0) { $0 + $1.clip.seconds }
            report.add(run)
        }
        report.inputCount = 1
    }
}
