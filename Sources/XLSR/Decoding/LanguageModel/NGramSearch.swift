/// The log10 weights of one n-gram that isn't of the highest order.
struct NGramEntry {
    let probability: Float
    let backoff: Float
    /// Whether the model holds an n-gram that has one more word before this one. It may say so without reason.
    let extendsLeft: Bool

    /// A back-off of -0.0 says that no n-gram of the model begins with this one, so that no later word needs it.
    static let noExtension: Float = -0.0

    static func isExtended(_ backoff: Float) -> Bool { backoff.bitPattern != noExtension.bitPattern }
}

/// Finds n-grams word by word, from the last word to the first.
protocol NGramSearch {
    /// How far a search has come.
    associatedtype Node

    var order: Int { get }
    var unigramCount: Int { get }

    /// - Parameter word: below `unigramCount`.
    func unigram(_ word: NGramModel.WordIndex) -> (entry: NGramEntry, node: Node)

    /// The n-gram of `middle + 2` words, fewer than `order`, that puts `word` before those of `node`.
    func find(middle: Int, _ word: NGramModel.WordIndex, _ node: inout Node) -> NGramEntry?

    /// The log10 probability of the n-gram of `order` words.
    func findLongest(_ word: NGramModel.WordIndex, _ node: Node) -> Float?
}

extension NGramSearch {
    /// KenLM's FullScore. `word` is below `unigramCount`; `state` may be of any model.
    @inline(__always)
    func score(_ word: NGramModel.WordIndex, after state: NGramModel.State) -> (Float, NGramModel.State) {
        var (entry, node) = unigram(word)
        var probability = entry.probability
        // Words of the context that the longest n-gram found takes in.
        var matched = 0
        let contextCount = min(Int(state.count), order - 1)
        var next = NGramModel.State()
        next.words[0] = word
        next.backoffs[0] = entry.backoff
        if order > 1, NGramEntry.isExtended(entry.backoff) { next.count = 1 }

        for position in 0..<max(contextCount, 0) {
            guard entry.extendsLeft else { break }
            if position == order - 2 {
                if let found = findLongest(state.words[position], node) {
                    probability = found
                    matched = position + 1
                }
                break
            }
            guard let found = find(middle: position, state.words[position], &node) else { break }
            entry = found
            probability = entry.probability
            matched = position + 1
            next.backoffs[matched] = entry.backoff
            if NGramEntry.isExtended(entry.backoff) { next.count = Int32(matched + 1) }
        }
        for index in 1..<max(Int(next.count), 1) { next.words[index] = state.words[index - 1] }
        for index in matched..<max(contextCount, matched) { probability += state.backoffs[index] }
        return (probability, next)
    }
}
