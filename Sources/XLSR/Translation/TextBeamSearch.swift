import Glibc

/// A text that is being written.
struct TextHypothesis: Hashable {
    /// With the start token.
    var tokens: [Int]
    /// Rows of the decoder's cache, of all tokens but the last.
    var rows: [Int32] = []
    /// The sum of the log-probabilities of its tokens, as adjusted; over `length ^ lengthPenalty` once it is finished.
    var score: Float
}

/// Beam search for one utterance: the running and the finished hypotheses and the rule of transformers' `_beam_search`,
/// step by step in the same float32 arithmetic. One beam is its special case, but not transformers' greedy search.
struct TextBeamSearch {
    private struct Finished {
        var hypothesis: TextHypothesis
        /// Placeholders fill up the beams and count for nothing.
        var isReal: Bool
    }

    /// What keeps a candidate out: far below all scores, yet finite.
    private static let excluded: Float = -1e9

    private let settings: GenerationSettings
    private(set) var running: [TextHypothesis]
    private var finished: [Finished]
    private var canImprove = true
    private(set) var isDone = false

    init(_ settings: GenerationSettings) {
        self.settings = settings
        let start = TextHypothesis(tokens: [settings.startTokenID], score: Self.excluded)
        finished = Array(repeating: Finished(hypothesis: start, isReal: false), count: settings.beamCount)
        // All begin alike: only the first may go on, or all would say the same.
        running = Array(repeating: start, count: settings.beamCount)
        running[0].score = 0
    }

    /// The candidates that a step needs, so that enough are left when some have ended.
    var candidateLimit: Int { max(2, 1 + settings.endTokenIDs.count) * settings.beamCount }

    /// Goes on by a token.
    /// - Parameter rows: where in the cache the last token of each running hypothesis is.
    mutating func advance(with candidates: [TopCandidates.Candidate], rows: [Int32]) {
        // Tokens without the start token, the new one included.
        let length = running[0].tokens.count
        let isLast = length + 1 >= settings.maxLength
        let continuations = candidates.map { candidate in
            let parent = running[candidate.hypothesis]
            return TextHypothesis(
                tokens: parent.tokens + [candidate.token], rows: parent.rows + [rows[candidate.hypothesis]],
                score: candidate.score)
        }
        let ends = candidates.map { isLast || settings.endTokenIDs.contains($0.token) }
        let scores = zip(continuations, ends).map { $0.score + ($1 ? Self.excluded : 0) }
        let next = Self.best(settings.beamCount, of: scores)

        let divisor = Float(pow(Double(length), settings.lengthPenalty))
        let isFull = settings.earlyStopping == .whenAllFinished && finished.allSatisfy(\.isReal)
        // Only the best candidates count as finished; the others are there to go on with.
        let justEnded = ends.indices.map { ends[$0] && $0 < settings.beamCount }
        var merged = finished
        for index in continuations.indices {
            var hypothesis = continuations[index]
            hypothesis.score = hypothesis.score / divisor
            if isFull { hypothesis.score += Self.excluded }
            if !canImprove { hypothesis.score += Self.excluded }
            if !justEnded[index] { hypothesis.score += Self.excluded }
            merged.append(Finished(hypothesis: hypothesis, isReal: justEnded[index]))
        }
        finished = Self.best(settings.beamCount, of: merged.map(\.hypothesis.score)).map { merged[$0] }
        running = next.map { index in
            var hypothesis = continuations[index]
            hypothesis.score = scores[index]
            return hypothesis
        }
        updateState(length: length, allEnded: ends.allSatisfy { $0 })
    }

    private mutating func updateState(length: Int, allEnded: Bool) {
        let longest = settings.earlyStopping == .never && settings.lengthPenalty > 0 ? settings.maxLength - 1 : length
        let bestPossible = running[0].score / Float(pow(Double(longest), settings.lengthPenalty))
        let worst = finished.map(\.hypothesis.score).min() ?? Self.excluded
        canImprove = canImprove && finished.contains { bestPossible > ($0.isReal ? worst : Self.excluded) }
        let isFull = settings.earlyStopping == .whenAllFinished && finished.allSatisfy(\.isReal)
        isDone = !canImprove || isFull || allEnded
    }

    /// The finished hypotheses to return, best first.
    var results: [TextHypothesis] { finished.prefix(settings.resultCount).map(\.hypothesis) }

    /// Tokens that every result will begin with, whatever follows.
    var stableTokens: [Int] {
        if isDone { return results[0].tokens }
        let alive = running.filter { $0.score > Self.excluded / 2 } + finished.filter(\.isReal).map(\.hypothesis)
        guard let first = alive.first?.tokens else { return [] }
        return alive.dropFirst().reduce(first) { common, hypothesis in
            Array(zip(common, hypothesis.tokens).prefix { $0 == $1 }.map(\.0))
        }
    }

    /// Places of the highest scores, of equals the first.
    private static func best(_ count: Int, of scores: [Float]) -> [Int] {
        let order = scores.indices.sorted { (scores[$1], $0) < (scores[$0], $1) }
        return Array(order.prefix(count))
    }
}
