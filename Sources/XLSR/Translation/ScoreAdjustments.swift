import Glibc

/// What `generate` does to the scores of the next token before it is chosen: transformers' logits processors, in their
/// order.
struct ScoreAdjustments {
    private let settings: GenerationSettings

    init(_ settings: GenerationSettings) {
        self.settings = settings
    }

    /// The tokens that must follow a text of so many, the start token included; nil where the scores decide.
    func forcedTokens(afterLength length: Int) -> Set<Int>? {
        if length == settings.maxLength - 1, !settings.forcedEndTokenIDs.isEmpty { return settings.forcedEndTokenIDs }
        if length == 1, let first = settings.forcedFirstTokenID { return [first] }
        return nil
    }

    /// Changes the scores `[vocabulary]` of what may follow `tokens`.
    func apply(to scores: UnsafeMutableBufferPointer<Float>, after tokens: [Int]) {
        let penalty = settings.repetitionPenalty
        if penalty != 1 {
            for token in Set(tokens) {
                scores[token] = scores[token] < 0 ? scores[token] * penalty : scores[token] / penalty
            }
        }
        for token in repeatingTokens(after: tokens) { scores[token] = -.infinity }
        if tokens.count < settings.minLength {
            for token in settings.endTokenIDs { scores[token] = -.infinity }
        }
    }

    /// Brings what `apply` left of a beam's scores to log-probabilities again, where the settings ask for that.
    func renormalize(_ scores: UnsafeMutableBufferPointer<Float>) {
        guard settings.renormalizes, let largest = scores.max(), largest.isFinite else { return }
        let sum = scores.reduce(0.0) { $0 + Double(exp($1 - largest)) }
        let logOfSum = largest + Float(log(sum))
        for token in scores.indices { scores[token] -= logOfSum }
    }

    /// What each of some forced tokens adds to a beam's score.
    func forcedScore(count: Int) -> Float { settings.renormalizes ? -log(Float(count)) : 0 }

    /// Tokens that would end a run of `noRepeatNGramSize` tokens that is there already.
    private func repeatingTokens(after tokens: [Int]) -> [Int] {
        let size = settings.noRepeatNGramSize
        guard size > 0, tokens.count >= size else { return [] }
        let prefix = tokens.suffix(size - 1)
        return (0...tokens.count - size).compactMap { start in
            let end = start + size - 1
            return tokens[start..<end].elementsEqual(prefix) ? tokens[end] : nil
        }
    }
}
