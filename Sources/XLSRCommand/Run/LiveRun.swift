import Glibc
import XLSR

extension Option {
    static let live = Option(
        "--live", "write what is said as it is said: utterance by utterance, from a WAV stream")
    static let pauseSeconds = Option(
        "--pause-seconds", value: "S", "with --live: the silence that ends an utterance [0.6]")
}

/// Speech that is transcribed while it is spoken.
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
        guard case .transcript(let style) = product else { throw UsageError("--live is for transcripts") }
        guard options.normalization != .file else { throw UsageError("--normalize file doesn't go with --live") }
        guard options.chunking.wholeSeconds.isFinite else {
            throw UsageError("--live needs chunks, but with --chunk-seconds 0 there are none")
        }
        _ = try style.stream
    }
}

extension RunSession {
    /// Writes each utterance of a stream when it has ended, and those together that end while others are computed.
    func runLive(_ live: LiveOptions, _ style: TranscriptStyle) throws {
        let file = try inputs[0] == "-" ? 0 : AudioFile.openStream(inputs[0])
        let source = inputs[0] == "-" ? "standard input" : inputs[0]
        guard isatty(file) == 0 else {
            throw AudioError(.unsupported, source: source, "a terminal", remedy: "pipe audio into it")
        }
        Signals.interruptEndsInput()
        let reader = UtteranceReader(
            file, source: source, pauseSeconds: live.pauseSeconds, longestSeconds: options.chunking.seconds,
            showsUnfinished: ProgressBar.isEnabled)
        var document = try style.stream
        try Terminal.printResult(document.header)
        while let utterances = try reader.next(showUnfinished) {
            let run = ChunkedRun(
                model, .none, batchSeconds: options.batchSeconds,
                compute: { [decoder] in try $0.evidence(of: $1, for: decoder) }
            ) { outcome in
                let start = utterances[outcome.index].start
                let transcript = try self.model.transcript(of: outcome.pieces.get(), by: self.decoder)
                guard !transcript.text.isEmpty else { return }
                try Terminal.printResult(
                    document.text(
                        of: self.result(
                            outcome, transcript.shifted(by: start), audio: self.inputs[0], start: start)))
            }
            try run.finish(utterances.map(\.clip))
            report.audioSeconds += utterances.reduce(0) { $0 + $1.clip.seconds }
            report.add(run)
        }
        report.inputCount = 1
    }

    /// What is being said, on a terminal, as best path for speed.
    private func showUnfinished(_ utterance: UtteranceSplitter.Utterance) throws {
        let text = try model.transcribe([utterance.clip], chunking: .none)[0].text
        ProgressBar.show(text + " …", keepsEnd: true)
    }
}
