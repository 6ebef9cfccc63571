import Glibc

/// What a matrix of scores `[frames, vocabulary]` holds.
public enum ScoreKind: Hashable, Sendable {
    /// Logits or log-probabilities: a log-softmax makes them, or leaves them, log-probabilities.
    case logits
    case probabilities
    /// Probabilities where all values are in 0 ... 1 and the rows sum to 1 on average, else logits; the rule of
    /// pyctcdecode, which looks at the sums alone.
    case detected
}

/// The tokens of each frame that a beam search tries, with their log-probabilities, in its order.
///
/// That is all that the search needs of a matrix, and for large vocabularies a small part of it.
package struct ActiveTokens: Sendable {
    fileprivate(set) var tokens: [Int32] = []
    fileprivate(set) var logProbabilities: [Double] = []
    /// Frame `i` has the entries from `ends[i - 1]` up to `ends[i]`.
    fileprivate(set) var ends: [Int] = []

    package var frameCount: Int { ends.count }

    func entries(ofFrame frame: Int) -> Range<Int> { (frame == 0 ? 0 : ends[frame - 1])..<ends[frame] }
}

/// Makes log-probabilities of rows and chooses the tokens to try.
///
/// `log p = clip(x − max − log Σ exp(x − max), log 1e-15, 0)` in double precision. A token is tried when `log p` is at
/// least `minimum` or the largest. NaN counts as −∞; tokens at +∞ share the whole probability; a row without any number
/// counts as a certain blank.
struct TokenSelector {
    static let floor = log(1e-15)

    let vocabularySize: Int
    let blank: Int
    let minimum: Double
    /// Under a lexicon a hypothesis may have no other way on.
    let alwaysTriesBlank: Bool
    private var order = TokenOrder()
    private var row: [Double]
    private var chosen: [Int32] = []

    init(vocabularySize: Int, blank: Int, minimum: Double, alwaysTriesBlank: Bool) {
        (self.vocabularySize, self.blank, self.minimum) = (vocabularySize, blank, minimum)
        self.alwaysTriesBlank = alwaysTriesBlank
        row = Array(repeating: 0, count: vocabularySize)
    }

    mutating func select(_ scores: UnsafeBufferPointer<Float>, _ kind: ScoreKind) -> ActiveTokens {
        let isLogits = kind == .logits || (kind == .detected && !isProbabilities(scores))
        var active = ActiveTokens()
        for start in stride(from: 0, to: scores.count, by: vocabularySize) {
            let values = UnsafeBufferPointer(rebasing: scores[start..<start + vocabularySize])
            append(values, isLogits: isLogits, to: &active)
        }
        return active
    }

    private func isProbabilities(_ scores: UnsafeBufferPointer<Float>) -> Bool {
        var sum = 0.0
        for value in scores {
            guard 0...1 ~= value else { return false }
            sum += Double(value)
        }
        return abs(sum / Double(scores.count / vocabularySize) - 1) <= 1e-5
    }

    private mutating func append(_ values: UnsafeBufferPointer<Float>, isLogits: Bool, to active: inout ActiveTokens) {
        let isNumber = isLogits ? fillLogits(values) : fillProbabilities(values)
        defer { active.ends.append(active.tokens.count) }
        guard isNumber else {
            active.tokens.append(Int32(blank))
            active.logProbabilities.append(0)
            return
        }
        var best = 0
        chosen.removeAll(keepingCapacity: true)
        for token in row.indices {
            if row[token] > row[best] { best = token }
            if row[token] >= minimum || (alwaysTriesBlank && token == blank) { chosen.append(Int32(token)) }
        }
        if row[best] < minimum, !(alwaysTriesBlank && best == blank) {
            chosen.append(Int32(best))
            chosen.sort()
        }
        order.sort(&chosen, best: Int32(best))
        active.tokens += chosen
        for token in chosen { active.logProbabilities.append(row[Int(token)]) }
    }

    private mutating func fillProbabilities(_ values: UnsafeBufferPointer<Float>) -> Bool {
        var isNumber = false
        for (token, value) in values.enumerated() {
            if !value.isNaN { isNumber = true }
            row[token] = value > 1e-15 ? min(log(Double(value)), 0) : Self.floor
        }
        return isNumber
    }

    private mutating func fillLogits(_ values: UnsafeBufferPointer<Float>) -> Bool {
        var largest = -Float.infinity
        for value in values where value > largest { largest = value }
        guard largest > -.infinity else { return false }
        guard largest < .infinity else {
            let count = values.count { $0 == .infinity }
            for token in row.indices { row[token] = values[token] == .infinity ? -log(Double(count)) : Self.floor }
            return true
        }
        var sum = 0.0
        for token in row.indices {
            let value = values[token].isNaN ? -.infinity : Double(values[token]) - Double(largest)
            row[token] = value
            // exp(-50) is lost in a sum of at least 1 for any vocabulary that there is.
            if value > -50 { sum += exp(value) }
        }
        let logSum = log(sum)
        for token in row.indices { row[token] = min(max(row[token] - logSum, Self.floor), 0) }
        return true
    }
}
