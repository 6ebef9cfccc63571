import Glibc

/// The most probable token at each step, for one utterance: transformers' `_sample` without sampling.
struct TextGreedySearch {
    private let settings: GenerationSettings
    private(set) var hypothesis: TextHypothesis

    init(_ settings: GenerationSettings) {
        self.settings = settings
        hypothesis = TextHypothesis(tokens: [settings.startTokenID], score: 0)
    }

    var isDone: Bool {
        hypothesis.tokens.count >= settings.maxLength
            || hypothesis.tokens.count > 1 && settings.endTokenIDs.contains(hypothesis.tokens.last ?? -1)
    }

    /// - Parameters:
    ///   - logProbability: of the token; 0 for a forced one.
    ///   - row: where in the cache the last token is.
    mutating func advance(with token: Int, logProbability: Float, row: Int32) {
        hypothesis.tokens.append(token)
        hypothesis.rows.append(row)
        hypothesis.score += logProbability
    }

    /// Scored as a beam search scores.
    var result: TextHypothesis {
        var result = hypothesis
        let length = max(1, result.tokens.count - 1)
        result.score /= Float(pow(Double(length), settings.lengthPenalty))
        return result
    }

    /// The index of the largest, of equals the first; NaN never wins.
    static func best(_ scores: UnsafeBufferPointer<Float>) -> Int {
        var best = TopCandidates(limit: 1)
        best.add(scores, base: 0, hypothesis: 0)
        return best.candidates.first?.token ?? 0
    }
}
