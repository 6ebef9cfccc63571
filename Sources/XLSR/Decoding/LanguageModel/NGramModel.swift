/// A back-off n-gram language model: log10 P(word | the words before it).
///
/// P(w | context) is the probability stored for (context, w) where that n-gram is in the model; otherwise it is
/// backoff(context) · P(w | context without its first word). A word outside the vocabulary has index 0, `<unk>`, whose
/// probability is -100 where the file gives none.
///
/// Scores are those of KenLM (Heafield, "KenLM: Faster and Smaller Language Model Queries", 2011): the same additions
/// of 32-bit floats in the same order, over the same minimised context.
public final class NGramModel: Sendable {
    /// The number of a word; 0 is `<unk>`.
    public typealias WordIndex = UInt32

    /// KenLM's own limit unless it is built otherwise.
    public static let maximumOrder = 6

    /// The largest number of words in an n-gram: a word is scored by at most `order - 1` words before it.
    public let order: Int
    /// The number of words, `<unk>` included.
    public let vocabularyCount: Int
    /// What kind of file the model came from.
    public let format: Format
    /// `<s>`, which stands before every sentence.
    package let beginOfSentence: WordIndex
    /// `</s>`: to end a sentence, score it as a word.
    public let endOfSentence: WordIndex
    /// The context at the start of a sentence.
    public let beginningOfSentence: State

    private let search: Search
    private let vocabulary: NGramVocabulary

    enum Search {
        case probing(ProbingSearch)
        case trie(TrieSearch)
    }

    init(_ search: Search, vocabulary: NGramVocabulary, format: Format) {
        self.search = search
        self.vocabulary = vocabulary
        self.format = format
        beginOfSentence = vocabulary.index(of: "<s>")
        endOfSentence = vocabulary.index(of: "</s>")
        let beginEntry: NGramEntry
        switch search {
        case .probing(let search):
            (order, vocabularyCount) = (search.order, search.unigramCount)
            beginEntry = search.unigram(beginOfSentence).entry
        case .trie(let search):
            (order, vocabularyCount) = (search.order, search.unigramCount)
            beginEntry = search.unigram(beginOfSentence).entry
        }
        beginningOfSentence = order > 1 ? State(word: beginOfSentence, backoff: beginEntry.backoff) : State()
    }

    /// Reads a model; what kind of file it is shows in its first bytes.
    ///
    /// ARPA text, plain or compressed by gzip, is read into hash tables; a KenLM binary is used where it lies, mapped
    /// into memory.
    ///
    /// - Throws: `CheckpointError` for a file that is missing, damaged, of another kind, or whose order isn't in
    ///   1...6 (2...6 for KenLM binaries).
    public static func load(_ path: String) throws -> NGramModel {
        let file = try MappedFile(path: path)
        switch file.withUnsafeBytes(LanguageModelFile.init) {
        case .arpa: return try ARPAFile.load(file, path: path)
        case .gzip: return try ARPAFile.loadCompressed(file, path: path)
        case .kenLM: return try KenLMFile.load(file, path: path)
        case .unknown(let description): throw LanguageModelFile.unsupported(path, description)
        }
    }

    /// The context of a word about which nothing is known, not even that a sentence begins.
    public static var emptyState: State { State() }

    /// The number of a word, 0 for one that isn't in the vocabulary.
    ///
    /// Words are compared byte by byte in UTF-8, so "é" as one character and "é" as two are different words.
    public func index(of word: String) -> WordIndex { vocabulary.index(of: word) }

    /// Whether the model knows a word. It never knows `<unk>`.
    public func contains(_ word: String) -> Bool { index(of: word) != 0 }

    /// The words in the order of their numbers, from `<unk>` on; nil for a KenLM binary that was built without them.
    /// A byte sequence that isn't UTF-8 is repaired.
    public func words() -> [String]? { vocabulary.words() }

    /// - Parameter word: a number from `index(of:)` or `endOfSentence`; any other is taken for `<unk>`.
    /// - Returns: log10 P(word | state), and the state after the word.
    public func score(_ word: WordIndex, after state: State) -> (log10Probability: Float, state: State) {
        let word = word < vocabularyCount ? word : 0
        return switch search {
        case .probing(let search): search.score(word, after: state)
        case .trie(let search): search.score(word, after: state)
        }
    }
}

extension NGramModel {
    /// The kinds of file that can be read.
    public enum Format: String, Sendable {
        case arpa = "ARPA"
        case compressedARPA = "ARPA (gzip)"
        case kenLMProbing = "KenLM probing"
        case kenLMRestProbing = "KenLM probing with rest costs"
        case kenLMTrie = "KenLM trie"
        case kenLMQuantizedTrie = "KenLM quantised trie"
        case kenLMArrayTrie = "KenLM trie with compressed pointers"
        case kenLMQuantizedArrayTrie = "KenLM quantised trie with compressed pointers"
    }

    /// The words before the next one, as far as they can still change its probability.
    ///
    /// Two states are equal when every word has the same probability after both: a search may merge them.
    public struct State: Hashable, Sendable {
        /// The latest word first; only the first `count` are meant.
        var words: InlineArray<5, WordIndex>
        /// The back-off weight, log10, of the context made of `words[...i]`.
        var backoffs: InlineArray<5, Float>
        var count: Int32

        init() {
            words = InlineArray(repeating: 0)
            backoffs = InlineArray(repeating: 0)
            count = 0
        }

        init(word: WordIndex, backoff: Float) {
            self.init()
            words[0] = word
            backoffs[0] = backoff
            count = 1
        }

        public static func == (left: State, right: State) -> Bool {
            guard left.count == right.count else { return false }
            for index in 0..<Int(left.count) where left.words[index] != right.words[index] { return false }
            return true
        }

        public func hash(into hasher: inout Hasher) {
            for index in 0..<Int(count) { hasher.combine(words[index]) }
            hasher.combine(count)
        }
    }
}
