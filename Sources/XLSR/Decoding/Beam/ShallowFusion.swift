import Glibc

/// How a word language model takes part in a beam search: pyctcdecode's `LanguageModel`.
///
/// Each finished word adds `languageWeight · ln P(word | words before) + wordScore` to a hypothesis; a word that is
/// unknown has `unknownWordScore` added to its log10 probability. A partial word that no known word begins with costs
/// `unknownWordScore` until it is finished, from the seventh character on in proportion to its length.
public struct ShallowFusion: Sendable {
    /// pyctcdecode's `alpha`, `beta`, `unk_score_offset` and `score_boundary`.
    public struct Weights: Hashable, Sendable {
        public var languageWeight = 0.5
        /// Natural logarithm.
        public var wordScore = 1.5
        /// log10 for whole words, natural logarithm for partial ones.
        public var unknownWordScore = -10.0
        /// Whether texts begin and end as sentences do.
        public var scoresBoundaries = true

        public init() {}
    }

    public let model: NGramModel
    public var weights: Weights
    /// What was loaded, for messages.
    public var name: String
    /// The known words; nil when nobody said, which makes every partial word unknown.
    let unigrams: WordList?

    /// - Parameter unigrams: the known words. Those that the model doesn't have don't count. KenLM binaries don't give
    ///   them; without them results are poorer.
    public init(
        _ model: NGramModel, unigrams: [String]? = nil, weights: Weights = Weights(),
        name: String = "language model"
    ) {
        (self.model, self.weights, self.name) = (model, weights, name)
        self.unigrams = unigrams.map { WordList($0.filter(model.contains)) }
    }

    /// The share of the known words' different characters that an alphabet can't write; above a fifth, model and
    /// alphabet don't fit, in case or in language.
    public func shareOfForeignCharacters(for alphabet: BeamAlphabet) -> Double {
        guard let unigrams, !unigrams.isEmpty else { return 0 }
        let known = Set(alphabet.tokens.flatMap(\.text))
        var characters: Set<Unicode.Scalar> = []
        for index in 0..<unigrams.count {
            let word = unigrams.word(index)
            if !["<s>", "</s>"].contains(word) { characters.formUnion(word.unicodeScalars) }
        }
        return characters.isEmpty ? 0 : Double(characters.subtracting(known).count) / Double(characters.count)
    }
}

extension ShallowFusion {
    private static let lnOf10 = 1 / log10(exp(1.0))
    /// Characters that a word is expected to have at most, when it turns out unknown.
    private static let expectedWordLength = 6

    /// What a language model needs to know about a word.
    struct Word {
        let index: NGramModel.WordIndex
        let isUnknown: Bool
    }

    var startState: NGramModel.State { weights.scoresBoundaries ? model.beginningOfSentence : NGramModel.emptyState }

    func word(_ text: String) -> Word {
        let index = model.index(of: text)
        let isListed = unigrams.map { $0.isEmpty || $0.contains(text) } ?? true
        return Word(index: index, isUnknown: index == 0 || !isListed)
    }

    func score(_ word: Word, after state: NGramModel.State, isLast: Bool) -> (score: Double, state: NGramModel.State) {
        let (log10Probability, next) = model.score(word.index, after: state)
        var sum = Double(log10Probability)
        if word.isUnknown { sum += weights.unknownWordScore }
        if isLast, weights.scoresBoundaries {
            sum += Double(model.score(model.endOfSentence, after: next).log10Probability)
        }
        return (weights.languageWeight * sum * Self.lnOf10 + weights.wordScore, next)
    }

    func partialScore(isKnown: Bool, length: Int) -> Double {
        let score = isKnown ? 0 : weights.unknownWordScore
        let expected = Self.expectedWordLength
        return length > expected ? score * Double(length) / Double(expected) : score
    }
}
