import TensorEngine

extension XLSRModel {
    /// What a checkpoint that translates has beside its encoder.
    struct Translator: Sendable {
        let generator: TextGenerator
        let settings: GenerationSettings
        let tokenizer: Result<SubwordTokenizer, any Error>
    }

    /// What speech means in another language.
    /// - Parameters:
    ///   - language: by its token or code (`de_DE`, `de`, `deu`); nil for the checkpoint's own.
    ///   - beamCount: hypotheses that are held at a time; nil for the checkpoint's own.
    /// - Throws: `UsageError` for a language that the model doesn't write, `CheckpointError` for a checkpoint that
    ///   doesn't translate, and as `outputs(of:)`.
    public func translate(
        _ samples: [Float], sampleRate: Int, to language: String? = nil, beamCount: Int? = nil,
        chunking: Chunking = .translation
    ) throws -> Translation {
        let settings = try generationSettings(to: language, beamCount: beamCount)
        let clip = AudioClip(samples: samples, sampleRate: sampleRate)
        return try translate([clip], settings: settings, chunking: chunking)[0]
    }

    /// What the speech of each clip means in another language.
    /// - Parameters:
    ///   - settings: by default those of the checkpoint, `generationSettings()`.
    ///   - batchSeconds: audio that is computed at a time; more is faster and takes more memory.
    public func translate(
        _ clips: [AudioClip], settings: GenerationSettings? = nil,
        chunking: Chunking = .translation, batchSeconds: Double = 30
    ) throws -> [Translation] {
        let settings = try settings ?? generationSettings()
        var results: [Translation] = []
        let run = ChunkedRun(
            self, chunking, batchSeconds: batchSeconds, purpose: .translation(settings),
            compute: { try $0.translations(of: $1, settings) }
        ) { outcome in
            results.append(try translation(of: outcome.pieces.get(), settings))
        }
        try run.finish(clips)
        return results
    }

    /// How the checkpoint generates text: its `generation_config.json`, else its `config.json`.
    /// - Parameters:
    ///   - language: the target language by its token or code (`de_DE`, `de`, `deu`); nil for the checkpoint's.
    ///   - beamCount: hypotheses that are held at a time, and results at most; nil for the checkpoint's.
    /// - Throws: `UsageError` that lists the languages when it isn't one of them.
    public func generationSettings(to language: String? = nil, beamCount: Int? = nil) throws -> GenerationSettings {
        let translator = try requireTranslator()
        var settings = translator.settings
        if let beamCount {
            settings.beamCount = beamCount
            settings.resultCount = min(settings.resultCount, beamCount)
        }
        if let language {
            let tokenizer = try translator.tokenizer.get()
            let token = try TargetLanguage.token(for: language, among: tokenizer.languageTokens)
            settings.forcedFirstTokenID = tokenizer.id(of: token)
        }
        return settings
    }

    /// The languages that the checkpoint may write, by their tokens (`de_DE`), in alphabetical order.
    /// - Throws: as `translationTokenizer`.
    public var targetLanguages: [String] {
        get throws { try translationTokenizer.languageTokens.sorted() }
    }

    /// What makes text of a translation's tokens.
    /// - Throws: `CheckpointError` for a checkpoint that doesn't translate, or has no tokenizer or a broken one.
    public var translationTokenizer: SubwordTokenizer {
        get throws { try requireTranslator().tokenizer.get() }
    }

    /// The text decoder's; nil for a checkpoint that doesn't translate.
    public var decoderConfiguration: MBartConfiguration? { translator?.generator.decoder.configuration }

    /// The search alone, over speech that is encoded already: what benchmarks time.
    /// - Returns: what searches, and gives the scores of the texts that it finds, best first.
    package func preparedSearch(of clip: AudioClip, _ settings: GenerationSettings) throws -> () throws -> [Float] {
        let generator = try requireTranslator().generator
        let output = try outputs(of: [clip])
        return {
            try generator.generate(output.states, segments: output.segments, settings).flatMap { $0.map(\.score) }
        }
    }

    private func requireTranslator() throws -> Translator {
        guard let translator else {
            throw CheckpointError(
                .configuration, path: name,
                "has no text decoder (\(configuration.architectures.joined(separator: ", "))), so it translates nothing",
                remedy: "use --task transcribe, or a checkpoint such as facebook/wav2vec2-xls-r-300m-21-to-en")
        }
        return translator
    }
}

// MARK: - Pieces of a chunked run

extension XLSRModel {
    /// Translates chunks, each by itself.
    /// - Parameter progress: hears the beginning of a chunk's text that no later step changes.
    package func translations(
        of chunks: [ChunkInput], _ settings: GenerationSettings,
        progress: ((_ chunk: ChunkInput, _ text: String) throws -> Void)? = nil
    ) throws -> [Translation.Segment] {
        let translator = try requireTranslator()
        let tokenizer = try translator.tokenizer.get()
        let output = try output(of: chunks.map(\.input), runsHead: false)
        let hypotheses = try translator.generator.generate(
            output.states, segments: output.segments, settings
        ) { index, tokens in
            try progress?(chunks[index], tokenizer.decode(tokens))
        }
        return zip(chunks, hypotheses).map { chunk, hypotheses in
            Translation.Segment(
                start: chunk.end - chunk.seconds, end: chunk.end,
                hypotheses: hypotheses.map {
                    Translation.Hypothesis(
                        text: tokenizer.decode($0.tokens), tokenIDs: $0.tokens, score: Double($0.score))
                })
        }
    }

    /// The translation of an utterance of which these are the pieces.
    package func translation(of segments: [Translation.Segment], _ settings: GenerationSettings) throws -> Translation {
        let tokenizer = try translationTokenizer
        let first = settings.forcedFirstTokenID.flatMap(tokenizer.token)
        return Translation(
            segments: segments, language: first.flatMap { tokenizer.languageTokens.contains($0) ? $0 : nil })
    }

    /// The decoder's scores `[tokens, vocabulary]` of what follows each token of a text to samples at the model's rate.
    /// - Parameter stepwise: one token after the other, as they are generated, rather than all at once.
    package func decoderLogits(
        of samples: [Float], tokens: [Int], stepwise: Bool = false
    ) throws -> (states: Tensor, logits: [Float]) {
        let translator = try requireTranslator()
        let values = featureExtractor.scaling(of: samples[...]).values(of: samples[...])
        let output = try output(of: [InputValues(values)], runsHead: false)
        let generator = translator.generator
        let state = try generator.begin(output.states, segments: output.segments)
        guard stepwise else { return (output.states, try generator.logits(of: tokens, state).floats()) }
        var (history, logits): ([Int32], [Float]) = ([], [])
        for (position, token) in tokens.enumerated() {
            let row = Int32(clamping: state.rowCount)
            let step = MBartDecoderState.Step(token: token, position: position, utterance: 0, history: history)
            logits += try generator.decoder.logits(generator.decoder.states(after: [step], state)).floats()
            history.append(row)
        }
        return (output.states, logits)
    }
}
