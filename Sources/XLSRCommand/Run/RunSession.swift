import TensorEngine
import XLSR

/// One `xlsr run`, or one request of `xlsr serve`: reads, computes and writes one input after another.
final class RunSession {
    let options: RunOptions
    private let plan: RunPlan
    let destination: Destination
    let model: XLSRModel
    let decoder: CTCDecoder
    /// As the user named them; the bundled recording's name when there were none.
    let inputs: [String]
    /// The inputs, where they were read before.
    private let clips: [AudioClip]?
    /// What is said in the inputs, where that is known.
    private let texts: [Result<AlignmentText, any Error>]
    /// Where each input's language is found out first.
    private let transcriber: MultilingualTranscriber?
    private var found: [Int: LanguageRun.Finding] = [:]
    /// Of the languages so far.
    private var decoders: [String: CTCDecoder] = [:]
    /// Of the inputs so far.
    private var embeddings: [(audio: String, Embedding)] = []
    var report = RunReport()

    /// Loads the model.
    /// - Throws: `UsageError` and errors of the model and the device, before anything is computed.
    convenience init(_ options: RunOptions) throws {
        if options.verbosity == .quiet { ProgressBar.disable() }
        let configuration = try XLSRModel.configuration(options.model.files)
        let plan = try RunPlan(options, configuration)
        if options.chunking.wholeSeconds.isFinite {
            let rate = try FeatureExtractorSettings(options.model.files).sampleRate
            _ = try options.chunking.sizes(sampleRate: rate, configuration)
        }
        let inputs = options.inputs.isEmpty ? Array(Demo.recordingNames.prefix(1)) : options.inputs
        let destination = try Destination(
            options.output, inputs: inputs,
            reads: (options.texts ?? []) + options.decoder.files
                + [options.model, options.languages.identifier].compactMap(\.self).flatMap(\.paths), plan: plan)
        let loaded = try LoadedModel(options, plan)
        let texts = zip(options.texts ?? [], inputs).map { text, audio in
            Result {
                try loaded.model.alignmentText(
                    SpokenText.read(text), source: SpokenText.name(of: text, audio: audio))
            }
        }
        self.init(options, plan, loaded, inputs: inputs, texts: texts, destination: destination)
        report.loadSeconds = loaded.seconds
    }

    /// - Parameters:
    ///   - clips: the inputs, where they were read before.
    ///   - texts: what is said in them, where that is known.
    init(
        _ options: RunOptions, _ plan: RunPlan, _ loaded: LoadedModel, inputs: [String], clips: [AudioClip]? = nil,
        texts: [Result<AlignmentText, any Error>] = [], destination: Destination
    ) {
        self.options = options
        self.plan = plan
        self.destination = destination
        (model, decoder, transcriber) = (loaded.model, loaded.decoder, loaded.transcriber)
        (self.inputs, self.clips, self.texts) = (inputs, clips, texts)
    }

    /// - Returns: whether every input gave its result.
    func run() throws -> Bool {
        switch (plan.product, options.live) {
        case (.transcript(let style), let live?): try transcribeLive(live, style)
        case (.translation(let format), let live?): try translateLive(live, format)
        case (.tensors(let names), _):
            try run({ try $0.tensors(named: Set(names), of: $1) }, purpose: .tensors(Set(names))) {
                .tensors(HostArray.joined($1))
            }
        case (.head(let style), _):
            try run(
                { try $0.headPieces(of: $1) }, purpose: .head,
                minimumSampleCount: model.configuration.minimumHeadSampleCount
            ) { outcome, pieces in
                try self.result(outcome, outcome.model.headOutputs(of: pieces), style)
            }
        case (.transcript(let style), nil) where transcriber != nil: try runByLanguage(style)
        case (.transcript(let style), nil):
            try run(
                { [decoder] in try $0.evidence(of: $1, for: decoder) }, purpose: model.purpose(of: decoder)
            ) { outcome, pieces in
                .transcript(
                    try self.result(outcome, self.model.transcript(of: pieces, by: self.decoder)), style)
            }
        case (.translation(let format), nil): try translate(format)
        case (.alignment(let style), _):
            noteStars()
            try run { [texts] model, chunks in
                try model.emissions(of: chunks) { try texts[$0].get() }
            } result: { outcome, pieces in
                let text = try self.texts[outcome.index].get()
                return .transcript(
                    try self.result(outcome, self.model.transcript(of: pieces, alignedWith: text)), style)
            }
        }
        ProgressBar.clear()
        if report.failureCount > report.messages.count {
            Terminal.error("\(report.failureCount) of \(inputs.count) inputs failed")
        }
        if options.verbosity == .verbose { report.print(model, plan.writesText ? decoder : nil) }
        return report.failureCount == 0
    }

    /// - Parameters:
    ///   - audio: by default the input of the outcome's index.
    ///   - start: where in a stream the utterance begins.
    func result<Piece>(
        _ outcome: ChunkedRun<Piece>.Outcome, _ transcript: Transcript, audio: String? = nil, start: Double? = nil
    ) -> TranscriptionResult {
        TranscriptionResult(
            audio: audio ?? inputs[outcome.index], transcript: transcript, model: model.name,
            device: outcome.deviceNames, precision: model.precision.name,
            audioSeconds: outcome.audioSeconds,
            elapsedSeconds: outcome.elapsedSeconds + (found[outcome.index]?.elapsedSeconds ?? 0), start: start,
            voiceActivity: outcome.voiceActivity, language: found[outcome.index]?.language.language ?? model.language,
            languageProbability: found[outcome.index]?.language.probability)
    }

    private func result<Piece>(
        _ outcome: ChunkedRun<Piece>.Outcome, _ outputs: [(name: String, array: HostArray)], _ style: HeadStyle
    ) -> RunResult {
        guard style.format != .safetensors else { return .tensors(outputs) }
        let content: HeadResult.Content
        switch style.kind {
        case .labels(let classes, let count):
            content = .labels(classes.best(count, logits: outputs.first?.array.floats() ?? []))
        case .activity(let threshold):
            content = .activity(model.frameScores(outputs).segments(threshold: threshold))
        case .embedding:
            let embedding = model.embedding(outputs)
            content = .embedding(
                embedding, similarities: embeddings.map { ($0.audio, cosine: embedding.cosine(with: $0.1)) })
            embeddings.append((inputs[outcome.index], embedding))
        case .tensors: return .tensors(outputs)
        }
        let result = HeadResult(
            content: content, audio: inputs[outcome.index], model: model.name,
            device: outcome.deviceNames, precision: model.precision.name,
            audioSeconds: outcome.audioSeconds, elapsedSeconds: outcome.elapsedSeconds)
        return .head(result, style.format)
    }

    private func noteStars() {
        guard options.verbosity > .quiet else { return }
        for case .success(let text) in texts where !text.starredWords.isEmpty {
            let (words, shown) = (text.starredWords, text.starredWords.prefix(5).joined(separator: " "))
            Terminal.note(
                "\(text.source): \(counted(words.count, "word")) with characters that the vocabulary lacks, aligned with"
                    + " whatever is there: \(shown)\(words.count > 5 ? " …" : "")")
        }
    }

    /// - Parameters:
    ///   - purpose: see `ChunkedRun`.
    ///   - chunking: by default what the options say.
    ///   - batchSeconds: by default what the options say.
    func run<Piece: Sendable>(
        _ compute: @escaping @Sendable (XLSRModel, [ChunkInput]) throws -> [Piece], purpose: BatchPurpose? = nil,
        minimumSampleCount: Int? = nil, chunking: Chunking? = nil, batchSeconds: Double? = nil,
        result: @escaping (ChunkedRun<Piece>.Outcome, [Piece]) throws -> RunResult
    ) throws {
        let run = chunkedRun(
            model, compute, purpose: purpose, minimumSampleCount: minimumSampleCount, chunking: chunking,
            batchSeconds: batchSeconds, result: result)
        if let clips {
            try run.finish(clips)
        } else if options.inputs.isEmpty {
            try run.finish([input(0)])
        } else {
            try model.read(inputs, into: run) { [texts] in _ = try texts.isEmpty ? nil : texts[$0].get() }
        }
        report.add(run)
    }

    private func runByLanguage(_ style: TranscriptStyle) throws {
        guard let transcriber else { return }
        let run = LanguageRun(transcriber: transcriber) { model in
            let decoder = try self.decoders[model.language ?? ""] ?? self.options.decoder.decoder(for: model)
            self.decoders[model.language ?? ""] = decoder
            return self.chunkedRun(
                model, { try $0.evidence(of: $1, for: decoder) }, purpose: model.purpose(of: decoder)
            ) {
                .transcript(try self.result($0, model.transcript(of: $1, by: decoder)), style)
            }
        } found: { index, finding in
            self.found[index] = finding
            self.report.computeSeconds += finding.elapsedSeconds
            guard self.options.verbosity == .verbose else { return }
            let language = finding.language
            Terminal.note(
                "\(self.inputs[index]): language \(language.language) (\(language.label), probability"
                    + " \(decimal(language.probability, 4)))")
        } failed: {
            self.fail($0, $1)
        } ended: {
            self.report.add($0)
        }
        try run(count: inputs.count, chunking: options.chunking, read: input)
    }

    private func input(_ index: Int) throws -> AudioClip {
        if let clips { return clips[index] }
        let name = inputs[index]
        guard options.inputs.isEmpty else {
            return try AudioFile.read(path: name, sampleRate: model.featureExtractor.sampleRate)
        }
        if options.verbosity > .quiet {
            Terminal.note("no AUDIO given, so here is what the bundled recording \(name) says (- is standard input):")
        }
        return try Demo.recording(named: name)
    }

    private func chunkedRun<Piece: Sendable>(
        _ model: XLSRModel, _ compute: @escaping @Sendable (XLSRModel, [ChunkInput]) throws -> [Piece],
        purpose: BatchPurpose?, minimumSampleCount: Int? = nil, chunking: Chunking? = nil, batchSeconds: Double? = nil,
        result: @escaping (ChunkedRun<Piece>.Outcome, [Piece]) throws -> RunResult
    ) -> ChunkedRun<Piece> {
        ChunkedRun(
            model, chunking ?? options.chunking, batchSeconds: batchSeconds ?? options.batchSeconds,
            minimumSampleCount: minimumSampleCount, purpose: purpose, compute: compute, progress: showProgress
        ) { outcome in
            do {
                let value = try result(outcome, outcome.pieces.get())
                self.report.audioSeconds += outcome.audioSeconds
                try self.destination.write(value, input: outcome.index, of: self.inputs.count)
                self.report.inputCount += 1
            } catch let error as OutputError {
                throw error
            } catch {
                self.fail(outcome.index, error)
            }
        }
    }

    private func showProgress(_ seconds: Double, _ total: Double) {
        let count = inputs.count > 1 ? "\(report.inputCount)/\(inputs.count) inputs, " : ""
        ProgressBar.show(
            "\(count)\(decimal(seconds, 0))/\(decimal(total, 0)) s of audio",
            fraction: (Double(report.inputCount) + seconds / total) / Double(inputs.count))
    }

    private func fail(_ index: Int, _ error: any Error) {
        if case .capture(let capture) = destination { return capture.result = .failure(error) }
        report.inputCount += 1
        report.failureCount += 1
        let message = "\(error)"
        // The device's own troubles are the same for every input.
        guard report.messages.insert(message).inserted else { return }
        let isNamed = error is AudioError || error is TextError || inputs.count == 1 || message.hasPrefix(inputs[index])
        Terminal.error(isNamed ? message : "\(inputs[index]): \(message)")
    }
}
