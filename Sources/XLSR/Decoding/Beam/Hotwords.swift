/// A word that a beam search prefers, in any text, whether or not a language model knows it.
public struct Hotword: Hashable, Sendable {
    /// pyctcdecode's `hotword_weight`.
    public static let defaultBoost = 10.0

    /// White space cuts it into words, each of which counts by itself.
    public var text: String
    /// Natural logarithm; what each occurrence adds to the score.
    public var boost: Double

    public init(_ text: String, boost: Double = defaultBoost) {
        (self.text, self.boost) = (text, boost)
    }
}

/// Scores hotwords as pyctcdecode's `HotwordScorer` does, but with a boost for each.
///
/// A whole word adds its boost. A partial word of n characters adds `boost · n / length` of the shortest hotword that
/// begins so.
struct HotwordScorer: Sendable {
    private let words: WordList
    /// Boost and number of code points of each word.
    private let entries: [(boost: Double, length: Int)]

    init(_ hotwords: [Hotword]) {
        var boosts: [CodePoints: Double] = [:]
        for hotword in hotwords {
            for word in CodePoints(hotword.text).splitAtWhitespace() { boosts[word] = hotword.boost }
        }
        let words = WordList(boosts.keys.map(\.string))
        self.words = words
        entries = (0..<words.count).map { index in
            let word = CodePoints(words.word(index))
            return (boosts[word] ?? 0, word.count)
        }
    }

    var isEmpty: Bool { words.isEmpty }
    var root: WordList.Prefix { words.root }

    func extended(_ prefix: WordList.Prefix, by scalar: Unicode.Scalar) -> WordList.Prefix {
        words.extended(prefix, by: scalar)
    }

    /// What a word adds to the score.
    func score(_ word: CodePoints) -> Double {
        isEmpty
            ? 0
            : word.splitAtWhitespace().reduce(0.0) { sum, word in
                let prefix = word.reduce(words.root, words.extended)
                return words.isWord(prefix) ? sum + entries[Int(prefix.words.lowerBound)].boost : sum
            }
    }

    /// What a partial word of `length` code points adds to the score; nil if no hotword begins so.
    func partialScore(_ prefix: WordList.Prefix, length: Int) -> Double? {
        var shortest: (boost: Double, length: Int)?
        for index in prefix.words {
            let entry = entries[Int(index)]
            if let found = shortest, (found.length, -found.boost) <= (entry.length, -entry.boost) { continue }
            shortest = entry
        }
        return shortest.map { $0.boost * Double(length) / Double($0.length) }
    }
}

extension CodePoints {
    /// Python's `str.split()`.
    func splitAtWhitespace() -> [CodePoints] {
        split(whereSeparator: \.isPythonWhitespace).map { CodePoints($0) }
    }
}
