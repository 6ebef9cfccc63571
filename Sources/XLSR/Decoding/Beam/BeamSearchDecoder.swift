/// Finds the most probable texts of CTC scores by a prefix beam search, with a language model, hotwords or a lexicon.
///
/// ```swift
/// let fusion = try ShallowFusion.load("lm.arpa")
/// let decoder = try BeamSearchDecoder(alphabet: BeamAlphabet(vocabulary: labels), fusion: fusion)
/// let best = try decoder.decode(logits)[0].text
/// ```
///
/// The same scores give the same hypotheses as pyctcdecode 0.5.0, in the same order. A lexicon is this decoder's own: a
/// hard constraint, which lets no text have another word. Immutable, so one decoder may serve several threads.
public struct BeamSearchDecoder: Sendable {
    private let scorer: BeamScorer

    /// The same for copies alone.
    var identity: ObjectIdentifier { ObjectIdentifier(scorer) }

    public var alphabet: BeamAlphabet { scorer.alphabet }
    public var fusion: ShallowFusion? { scorer.fusion }
    public var options: BeamSearchOptions { scorer.options }
    /// The number of words of the lexicon, if there is one.
    public var lexiconWordCount: Int? { scorer.lexicon?.count }

    /// - Parameter lexicon: the only words that texts may have.
    /// - Throws: `UsageError` for options that make no sense and for a lexicon without words.
    public init(
        alphabet: BeamAlphabet, fusion: ShallowFusion? = nil, lexicon: [String]? = nil,
        options: BeamSearchOptions = BeamSearchOptions()
    ) throws {
        try options.check()
        if let fusion { try fusion.check() }
        let lexicon = lexicon.map { WordList($0.lazy.filter { !$0.isEmpty }) }
        guard lexicon?.isEmpty != true else { throw UsageError("the lexicon has no words") }
        scorer = BeamScorer(alphabet, fusion, lexicon, options)
    }

    /// The hypotheses of one utterance, best first, at least one.
    /// - Parameter scores: `[frames, alphabet.count]`, row by row; no frames give the empty text.
    /// - Throws: `UsageError` if the rows aren't whole.
    public func decode(_ scores: [Float], _ kind: ScoreKind = .detected) throws -> [BeamHypothesis] {
        decode([DecoderPiece(start: 0, tokens: try activeTokens(scores, kind))])
    }

    /// The hypotheses of several utterances, on all cores.
    public func decode(batch: [[Float]], _ kind: ScoreKind = .detected) throws -> [[BeamHypothesis]] {
        try batch.concurrentResults { try decode($0, kind) }.map { try $0.get() }
    }

    /// What the search needs of rows of scores.
    /// - Throws: `UsageError` if the rows aren't whole.
    package func activeTokens(_ scores: [Float], _ kind: ScoreKind) throws -> ActiveTokens {
        guard scores.count.isMultiple(of: alphabet.count) else {
            throw UsageError("\(scores.count) scores are not rows of the alphabet's \(alphabet.count) labels")
        }
        var selector = scorer.selector()
        return scores.withUnsafeBufferPointer { selector.select($0, kind) }
    }

    /// The hypotheses of an utterance that comes in pieces; frames between them change only the times.
    package func decode(_ pieces: [DecoderPiece]) -> [BeamHypothesis] {
        var search = BeamSearch(scorer)
        for piece in pieces {
            search.skip(frames: max(0, piece.start - search.frame))
            for frame in 0..<piece.tokens.frameCount { search.step(piece.tokens, frame: frame) }
        }
        return hypotheses(search.endings())
    }

    /// The hypotheses, and the most nodes that the search had, for tests of its memory.
    package func decodeCountingNodes(
        _ scores: [Float], leastNodeLimit: Int = 1 << 10
    ) throws -> ([BeamHypothesis], Int) {
        let tokens = try activeTokens(scores, .logits)
        var search = BeamSearch(scorer, leastNodeLimit: leastNodeLimit)
        var nodeCount = 0
        for frame in 0..<tokens.frameCount {
            search.step(tokens, frame: frame)
            nodeCount = max(nodeCount, search.nodeCount)
        }
        return (hypotheses(search.endings()), nodeCount)
    }

    func search(frame: Int = 0) -> BeamSearch { BeamSearch(scorer, frame: frame) }

    func hypotheses(_ endings: [BeamSearch.Ending]) -> [BeamHypothesis] {
        endings.map { BeamHypothesis($0, alphabet) }
    }
}

/// Frames of an utterance that follow each other.
package struct DecoderPiece: Sendable {
    /// The utterance's frame at which they begin.
    package let start: Int
    package let tokens: ActiveTokens
}
