/// The finished words of hypotheses, one node for each different text, with its scores.
struct TextTrie: Sendable {
    struct Node: Sendable {
        var parent: Int32
        /// In the search's `WordTrie`.
        var word: Int32
        /// Of the language model, from the beginning on.
        var languageScore: Double
        var hotwordScore: Double
        var state: NGramModel.State
    }

    /// The empty text.
    static let root: Int32 = 0

    private let fusion: ShallowFusion?
    private var nodes: [Node]
    private var edges = PairTable()

    init(_ fusion: ShallowFusion?) {
        self.fusion = fusion
        let state = fusion?.startState ?? NGramModel.emptyState
        nodes = [Node(parent: Self.root, word: WordTrie.root, languageScore: 0, hotwordScore: 0, state: state)]
    }

    var count: Int { nodes.count }

    /// What the words add to a hypothesis' score.
    func score(_ node: Int32) -> Double { nodes[Int(node)].languageScore + nodes[Int(node)].hotwordScore }

    func parent(_ node: Int32) -> Int32 { nodes[Int(node)].parent }
    func word(_ node: Int32) -> Int32 { nodes[Int(node)].word }

    /// The text with one more word; the empty word changes nothing.
    mutating func appending(_ word: Int32, to text: Int32, _ words: inout WordTrie) -> Int32 {
        guard word != WordTrie.root else { return text }
        let next = Int32(truncatingIfNeeded: nodes.count)
        let child = edges.value(text, UInt32(bitPattern: word), orInsert: next)
        guard child == next else { return child }
        let parent = nodes[Int(text)]
        let whole = words.whole(word)
        var node = parent
        (node.parent, node.word) = (text, word)
        node.hotwordScore += whole.hotwordScore
        if let fusion, let language = whole.language {
            let (score, state) = fusion.score(language, after: parent.state, isLast: false)
            node.languageScore += score
            node.state = state
        }
        nodes.append(node)
        return child
    }

    /// What a whole hypothesis' words add to its score when `word` is its last.
    ///
    /// After a delimiter that is the empty word, which no language model knows: so does pyctcdecode, and hypotheses
    /// that end with a space have a hard time.
    func finalScore(_ word: Int32, after text: Int32, _ words: inout WordTrie) -> Double {
        let (node, whole) = (nodes[Int(text)], words.whole(word))
        var languageScore = node.languageScore
        if let fusion, let language = whole.language {
            languageScore += fusion.score(language, after: node.state, isLast: true).score
        }
        return languageScore + (node.hotwordScore + whole.hotwordScore)
    }

    /// Drops all texts but `texts` and what they begin with, and the words of none of them but `parts`.
    ///
    /// `texts` and `parts` become the new numbers.
    mutating func compact(keeping texts: inout [Int32], parts: inout [Int32], _ words: inout WordTrie) {
        let numbers = compactedNumbers(count: nodes.count, keeping: texts) { nodes[$0].parent }
        var kept: [Node] = []
        for (index, node) in nodes.enumerated() where numbers[index] >= 0 { kept.append(node) }
        let wordNumbers = words.compact(keeping: parts + kept.map(\.word))
        edges = PairTable()
        for index in kept.indices {
            kept[index].parent = numbers[Int(kept[index].parent)]
            kept[index].word = wordNumbers[Int(kept[index].word)]
            guard index > 0 else { continue }
            _ = edges.value(
                kept[index].parent, UInt32(bitPattern: kept[index].word),
                orInsert: Int32(truncatingIfNeeded: index))
        }
        nodes = kept
        for index in texts.indices { texts[index] = numbers[Int(texts[index])] }
        for index in parts.indices { parts[index] = wordNumbers[Int(parts[index])] }
    }
}
