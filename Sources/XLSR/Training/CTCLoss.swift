import Glibc

/// Connectionist temporal classification (Graves et al. 2006): `-ln p(tokens | logits)`, the probability being that of
/// all paths that collapse to the tokens, and its gradient by the logits. In double precision.
package struct CTCLoss {
    package let value: Double
    /// As many as logits.
    package let gradient: [Float]

    /// The frames that the tokens need: one each, and a blank between equals.
    package static func frameCount(for tokens: [Int]) -> Int {
        tokens.count + zip(tokens, tokens.dropFirst()).count { $0 == $1 }
    }

    /// - Parameters:
    ///   - logits: a row a frame, `[frames, vocabulary]`.
    ///   - tokens: none of them the blank; `frameCount(for:)` isn't more than the frames.
    package init(logits: ArraySlice<Float>, vocabularySize: Int, tokens: [Int], blank: Int) {
        let frames = logits.count / vocabularySize
        var probabilities = [Double](repeating: 0, count: logits.count)
        for frame in 0..<frames {
            let row = frame * vocabularySize
            let first = logits.startIndex + row
            let largest = Double(logits[first..<first + vocabularySize].max() ?? 0)
            var sum = 0.0
            for token in 0..<vocabularySize {
                probabilities[row + token] = Double(logits[first + token]) - largest
                sum += exp(probabilities[row + token])
            }
            for token in 0..<vocabularySize { probabilities[row + token] -= log(sum) }
        }
        // Blank, token, blank, …, blank.
        let states = [blank] + tokens.flatMap { [$0, blank] }
        let count = states.count
        /// Whether the path may come straight from the token before.
        let skips = states.indices.map { $0 > 1 && states[$0] != blank && states[$0] != states[$0 - 2] }

        // To each state at each frame, its own emission included.
        var forward = [Double](repeating: -.infinity, count: frames * count)
        for state in 0..<min(2, count) { forward[state] = probabilities[states[state]] }
        for frame in 1..<max(1, frames) {
            let (row, before) = (frame * count, (frame - 1) * count)
            for state in 0..<count {
                var sum = forward[before + state]
                if state > 0 { sum = logarithmicSum(sum, forward[before + state - 1]) }
                if skips[state] { sum = logarithmicSum(sum, forward[before + state - 2]) }
                forward[row + state] = sum + probabilities[frame * vocabularySize + states[state]]
            }
        }
        let last = (frames - 1) * count
        let total = logarithmicSum(forward[last + count - 1], count > 1 ? forward[last + count - 2] : -.infinity)
        value = -total

        // From each state to the end, its own emission left out; and the share of paths that are there.
        var gradient = probabilities.map { Float(exp($0)) }
        var backward = [Double](repeating: -.infinity, count: count)
        for state in max(0, count - 2)..<count { backward[state] = 0 }
        for frame in stride(from: frames - 1, through: 0, by: -1) {
            let row = frame * vocabularySize
            for state in 0..<count {
                gradient[row + states[state]] -= Float(exp(forward[frame * count + state] + backward[state] - total))
            }
            let next = states.indices.map { backward[$0] + probabilities[row + states[$0]] }
            for state in 0..<count {
                var sum = next[state]
                if state + 1 < count { sum = logarithmicSum(sum, next[state + 1]) }
                if state + 2 < count, skips[state + 2] { sum = logarithmicSum(sum, next[state + 2]) }
                backward[state] = sum
            }
        }
        self.gradient = gradient
    }
}

/// `ln(eᵃ + eᵇ)`
private func logarithmicSum(_ a: Double, _ b: Double) -> Double {
    let (low, high) = (min(a, b), max(a, b))
    return low == -.infinity ? high : high + log1p(exp(low - high))
}
