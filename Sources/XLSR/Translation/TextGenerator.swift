import TensorEngine

/// Writes texts to speech: the decoder, the projection to its width, and the search.
struct TextGenerator: Sendable {
    let decoder: MBartDecoder
    /// From the encoder's width to the decoder's, where they differ.
    private let projection: Linear?

    init(_ weights: WeightReader, _ configuration: MBartConfiguration, speechWidth: Int) throws {
        projection =
            speechWidth == configuration.hiddenSize
            ? nil
            : try weights.linear(
                "enc_to_dec_proj", from: speechWidth, to: configuration.hiddenSize,
                as: weights.precision.sensitiveWeights)
        decoder = try MBartDecoder(weights.scope("decoder"), configuration)
    }

    /// The decoder's memory of speech `[frames of all, width]`.
    func begin(_ states: Tensor, segments: Segments) throws -> MBartDecoderState {
        try decoder.begin(projection.map { try $0(states) } ?? states, segments: segments)  // [frames, hidden]
    }

    /// The scores `[tokens, vocabulary]` of what may follow each token of a text to one utterance, all at once.
    func logits(of tokens: [Int], _ state: MBartDecoderState, utterance: Int = 0) throws -> Tensor {
        let first = state.rowCount
        let steps = tokens.enumerated().map { index, token in
            MBartDecoderState.Step(
                token: token, position: index, utterance: utterance,
                history: (first..<first + index).map(Int32.init(clamping:)))
        }
        return try decoder.logits(decoder.states(after: steps, state))
    }

    /// Hypotheses for each utterance, best first; none for one without frames.
    /// - Parameter progress: hears after each step of each utterance the tokens that no later step changes.
    func generate(
        _ states: Tensor, segments: Segments, _ settings: GenerationSettings,
        progress: ((_ utterance: Int, _ tokens: [Int]) throws -> Void)? = nil
    ) throws -> [[TextHypothesis]] {
        let configuration = decoder.configuration
        try settings.validate(
            vocabularySize: configuration.vocabularySize, positionLimit: configuration.positionLimit)
        let state = try begin(states, segments: segments)
        var searches = (0..<segments.count).map { _ in Search(settings) }
        let adjustments = ScoreAdjustments(settings)
        var scores = Scores(settings)
        var length = 1
        let heard = searches.indices.filter { segments.lengths[$0] > 0 }
        while case let active = heard.filter({ !searches[$0].isDone }), !active.isEmpty {
            let first = state.rowCount
            let steps = active.flatMap { utterance in
                searches[utterance].running.map { hypothesis in
                    MBartDecoderState.Step(
                        token: hypothesis.tokens.last ?? settings.startTokenID, position: length - 1,
                        utterance: utterance, history: hypothesis.rows)
                }
            }
            let hidden = try decoder.states(after: steps, state)
            let forced = adjustments.forcedTokens(afterLength: length)
            // What is forced needs no scores, but its keys and values are in the cache now.
            if forced == nil { try scores.read(decoder.logits(hidden)) }
            var row = 0
            for utterance in active {
                let count = searches[utterance].running.count
                searches[utterance].advance(
                    &scores, rows: row..<row + count, firstCacheRow: first, forced: forced, adjustments)
                row += count
                try progress?(utterance, searches[utterance].stableTokens)
            }
            length += 1
        }
        return searches.indices.map { segments.lengths[$0] > 0 ? searches[$0].results : [] }
    }
}

/// The scores of a step on the host, where the adjustments change them in place.
private struct Scores {
    // A repetition penalty doesn't commute with the normalisation; all else does.
    private let adjustsLogits: Bool
    /// What tokens are chosen by `[rows, vocabulary]`: log-probabilities; greedy search adjusts the logits themselves.
    private var values = HostFloats()
    /// Where those are logits.
    private var logProbabilities = HostFloats()

    init(_ settings: GenerationSettings) {
        adjustsLogits = settings.beamCount == 1 && settings.repetitionPenalty != 1
    }

    /// - Parameter logits: `[rows, vocabulary]`
    mutating func read(_ logits: Tensor) throws {
        let normalized = try logits.logSoftmax()
        if adjustsLogits {
            try values.take(logits)
            try logProbabilities.take(normalized)
        } else {
            try values.take(normalized)
        }
    }

    mutating func logProbability(row: Int, token: Int) -> Float {
        adjustsLogits
            ? logProbabilities.withRow(row) { $0[token] } : values.withRow(row) { $0[token] }
    }

    mutating func withRow<Result>(_ row: Int, _ body: (UnsafeMutableBufferPointer<Float>) -> Result) -> Result {
        values.withRow(row, body)
    }
}

/// The search for one utterance.
private enum Search {
    case greedy(TextGreedySearch)
    case beam(TextBeamSearch)

    init(_ settings: GenerationSettings) {
        self = settings.beamCount == 1 ? .greedy(TextGreedySearch(settings)) : .beam(TextBeamSearch(settings))
    }

    var running: [TextHypothesis] {
        switch self {
        case .greedy(let search): [search.hypothesis]
        case .beam(let search): search.running
        }
    }

    var isDone: Bool {
        switch self {
        case .greedy(let search): search.isDone
        case .beam(let search): search.isDone
        }
    }

    var results: [TextHypothesis] {
        switch self {
        case .greedy(let search): [search.result]
        case .beam(let search): search.results
        }
    }

    var stableTokens: [Int] {
        switch self {
        case .greedy(let search): search.hypothesis.tokens
        case .beam(let search): search.stableTokens
        }
    }

    /// - Parameters:
    ///   - scores: unread where tokens are forced.
    ///   - rows: this search's rows of the step.
    mutating func advance(
        _ scores: inout Scores, rows: Range<Int>, firstCacheRow: Int, forced: Set<Int>?,
        _ adjustments: ScoreAdjustments
    ) {
        let cacheRows = rows.map { Int32(clamping: firstCacheRow + $0) }
        switch self {
        case .greedy(var search):
            let row = rows.lowerBound
            let forcedToken = forced?.min()
            let token =
                forcedToken
                ?? scores.withRow(row) { values in
                    adjustments.apply(to: values, after: search.hypothesis.tokens)
                    return TextGreedySearch.best(UnsafeBufferPointer(values))
                }
            let logProbability = forcedToken == nil ? scores.logProbability(row: row, token: token) : 0
            search.advance(with: token, logProbability: logProbability, row: cacheRows[0])
            self = .greedy(search)
        case .beam(var search):
            var top = TopCandidates(limit: search.candidateLimit)
            for (index, hypothesis) in search.running.enumerated() {
                if let forced {
                    let score = hypothesis.score + adjustments.forcedScore(count: forced.count)
                    for token in forced.sorted() {
                        top.insert(.init(score: score, hypothesis: index, token: token))
                    }
                } else {
                    scores.withRow(rows.lowerBound + index) { values in
                        adjustments.apply(to: values, after: hypothesis.tokens)
                        adjustments.renormalize(values)
                        top.add(UnsafeBufferPointer(values), base: hypothesis.score, hypothesis: index)
                    }
                }
            }
            search.advance(with: top.candidates, rows: cacheRows)
            self = .beam(search)
        }
    }
}
