import TensorEngine

/// How the CTC head's scores become text.
public enum CTCDecoder: Sendable {
    /// The most probable token of each frame: Hugging Face's `batch_decode`.
    case bestPath
    /// The most probable text, by a beam search; see `XLSRModel.beamSearchDecoder`.
    case beamSearch(BeamSearchDecoder)
}

extension XLSRModel {
    /// What a decoder needs of the frames that count of a chunk.
    package enum ChunkEvidence: Sendable {
        case path(BestPath, start: Int, beginsInSilence: Bool)
        case tokens(DecoderPiece)
    }

    /// A beam search for this model's head, with the alphabet.json and the language_model/ of its folder, where it has
    /// them.
    /// - Parameters:
    ///   - fusion: a language model instead of the folder's.
    ///   - usesOwnLanguageModel: false: without `fusion`, there is none.
    ///   - lexicon: the only words that texts may have.
    /// - Throws: `CheckpointError` for files that are broken or don't fit the head; `UsageError` for options that make
    ///   no sense.
    public func beamSearchDecoder(
        fusion: ShallowFusion? = nil, usesOwnLanguageModel: Bool = true, lexicon: [String]? = nil,
        options: BeamSearchOptions = BeamSearchOptions()
    ) throws -> BeamSearchDecoder {
        let columnCount = configuration.vocabularySize
        let alphabet =
            if let own = try files.flatMap({ try BeamAlphabet($0) }) { own } else {
                try BeamAlphabet(tokenizer, columnCount: columnCount)
            }
        guard alphabet.count == columnCount else {
            throw CheckpointError(
                .tokenizer, path: name,
                "alphabet.json has \(alphabet.count) labels, but the head has \(columnCount) outputs",
                remedy: "alphabet.json and config.json must come from the same checkpoint")
        }
        return try BeamSearchDecoder(
            alphabet: alphabet, fusion: try fusion ?? (usesOwnLanguageModel ? ownLanguageModel() : nil),
            lexicon: lexicon, options: options)
    }

    /// Whether the checkpoint's folder has a language_model/.
    package var hasOwnLanguageModel: Bool { ownLanguageModelPath != nil }

    /// The language model of the checkpoint's folder, if it has one.
    /// - Throws: as `ShallowFusion.load`.
    public func ownLanguageModel() throws -> ShallowFusion? { try ownLanguageModelPath.map(ShallowFusion.load) }

    private var ownLanguageModelPath: String? { files?.folder(ShallowFusion.folderName) }

    func requireTranscription(by decoder: CTCDecoder) throws {
        try requireTranscription()
        if case .beamSearch(let decoder) = decoder, decoder.alphabet.count != configuration.vocabularySize {
            throw UsageError(
                "the decoder's alphabet has \(decoder.alphabet.count) labels, but the head of \(name)"
                    + " has \(configuration.vocabularySize) outputs")
        }
    }

    package func purpose(of decoder: CTCDecoder) -> BatchPurpose {
        let search: ObjectIdentifier? = if case .beamSearch(let decoder) = decoder { decoder.identity } else { nil }
        return .transcription(language: language, search: search)
    }

    package func evidence(of chunks: [ChunkInput], for decoder: CTCDecoder) throws -> [ChunkEvidence] {
        let output = try output(of: chunks.map(\.input))
        guard let logits = output.logits else { return [] }
        let (scores, columns) = (try logits.floats(), configuration.vocabularySize)
        let (blank, delimiter) = (try tokenizer.blankID, try tokenizer.wordDelimiterID)
        return try chunks.indices.map { index in
            let rows = chunks[index].rows(in: output.segments[index], configuration)
            let start = chunks[index].outputStart(configuration)
            var scores = Array(scores[rows.lowerBound * columns..<rows.upperBound * columns])
            switch decoder {
            case .bestPath:
                let path = try BestPath(logits: scores, vocabularySize: columns)
                return .path(path, start: start, beginsInSilence: chunks[index].beginsInSilence)
            case .beamSearch(let decoder):
                // A search drops a second delimiter, so one can stand in every silence; see `Chunk.beginsInSilence`.
                if chunks[index].beginsInSilence, let delimiter, max(blank, delimiter) < min(columns, scores.count),
                    scores[blank] > scores[delimiter]
                {
                    scores.swapAt(blank, delimiter)
                }
                return .tokens(DecoderPiece(start: start, tokens: try decoder.activeTokens(scores, .logits)))
            }
        }
    }

    /// The text of an utterance's chunks, with times in the whole utterance.
    package func transcript(of parts: [ChunkEvidence], by decoder: CTCDecoder) throws -> Transcript {
        guard case .beamSearch(let decoder) = decoder else { return try bestPathTranscript(of: parts) }
        let pieces = parts.compactMap { if case .tokens(let piece) = $0 { piece } else { nil } }
        return Transcript(
            decoder.decode(pieces), secondsPerFrame: secondsPerFrame, alternativeCount: decoder.options.alternativeCount
        )
    }

    private func bestPathTranscript(of parts: [ChunkEvidence]) throws -> Transcript {
        var (ids, probabilities): ([Int], [Float]) = ([], [])
        let (blank, delimiter) = (try tokenizer.blankID, try tokenizer.wordDelimiterID)
        for case .path(let path, let start, let beginsInSilence) in parts {
            // Chunks without strides lack frames. A repeated token keeps the times right and changes no text.
            if let id = ids.last, let probability = probabilities.last, start > ids.count {
                let missing = start - ids.count
                ids += Array(repeating: id, count: missing)
                probabilities += Array(repeating: probability, count: missing)
            }
            let (last, first) = (ids.last { $0 != blank }, path.ids.first { $0 != blank })
            ids += path.ids
            probabilities += path.probabilities
            if beginsInSilence, let delimiter, last != nil, first != nil, ![last, first].contains(delimiter),
                path.ids[0] == blank
            {
                ids[ids.count - path.ids.count] = delimiter
            }
        }
        return try tokenizer.transcript(
            of: BestPath(ids: ids, probabilities: probabilities), secondsPerFrame: secondsPerFrame)
    }
}
