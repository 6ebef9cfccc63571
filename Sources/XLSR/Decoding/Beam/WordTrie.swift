/// The words and partial words of a search by the characters that they are made of, each with what is known about it.
struct WordTrie: Sendable {
    struct Node: Sendable {
        let parent: Int32
        let scalar: Unicode.Scalar
        /// Code points.
        let length: Int32
        /// Of the partial word, by hotwords or language model.
        let partialScore: Double
        let unigrams: WordList.Prefix?
        let hotwords: WordList.Prefix?
        let lexicon: WordList.Prefix?
        /// Of the whole word; nil until it is asked for.
        var whole: Whole?
    }

    struct Whole: Sendable {
        let language: ShallowFusion.Word?
        let hotwordScore: Double
    }

    /// The empty word.
    static let root: Int32 = 0

    private let scorer: BeamScorer
    private var nodes: [Node]
    private var edges = PairTable()

    init(_ scorer: BeamScorer) {
        self.scorer = scorer
        let root = Node(
            parent: Self.root, scalar: " ", length: 0, partialScore: 0, unigrams: scorer.fusion?.unigrams?.root,
            hotwords: scorer.hotwords.isEmpty ? nil : scorer.hotwords.root, lexicon: scorer.lexicon?.root)
        nodes = [root]
    }

    var count: Int { nodes.count }

    func partialScore(_ node: Int32) -> Double { nodes[Int(node)].partialScore }

    /// Whether a word of the lexicon begins so; without a lexicon any may.
    func isAllowed(_ node: Int32) -> Bool { nodes[Int(node)].lexicon?.isEmpty != true }

    /// Whether this is a word of the lexicon; without a lexicon any is.
    func isComplete(_ node: Int32) -> Bool {
        nodes[Int(node)].lexicon.map { scorer.lexicon?.isWord($0) == true } ?? true
    }

    mutating func child(of node: Int32, _ text: CodePoints) -> Int32 {
        var node = node
        for scalar in text { node = child(of: node, scalar) }
        return node
    }

    private mutating func child(of node: Int32, _ scalar: Unicode.Scalar) -> Int32 {
        let next = Int32(truncatingIfNeeded: nodes.count)
        let child = edges.value(node, scalar.value, orInsert: next)
        if child == next { nodes.append(makeChild(of: node, scalar)) }
        return child
    }

    private func makeChild(of parent: Int32, _ scalar: Unicode.Scalar) -> Node {
        let node = nodes[Int(parent)]
        let length = node.length + 1
        let unigrams = node.unigrams.flatMap { scorer.fusion?.unigrams?.extended($0, by: scalar) }
        let hotwords = node.hotwords.map { scorer.hotwords.extended($0, by: scalar) }
        let partialScore =
            hotwords.flatMap { scorer.hotwords.partialScore($0, length: Int(length)) }
            ?? scorer.fusion?.partialScore(isKnown: unigrams?.isEmpty == false, length: Int(length)) ?? 0
        return Node(
            parent: parent, scalar: scalar, length: length, partialScore: partialScore, unigrams: unigrams,
            hotwords: hotwords, lexicon: node.lexicon.flatMap { scorer.lexicon?.extended($0, by: scalar) })
    }

    mutating func whole(_ node: Int32) -> Whole {
        if let whole = nodes[Int(node)].whole { return whole }
        let text = text(of: node)
        let whole = Whole(language: scorer.fusion?.word(text.string), hotwordScore: scorer.hotwords.score(text))
        nodes[Int(node)].whole = whole
        return whole
    }

    /// The longest beginning that words have in common.
    func commonAncestor(of words: some Sequence<Int32>) -> Int32 {
        XLSR.commonAncestor(of: words) { nodes[Int($0)].parent }
    }

    func text(of node: Int32) -> CodePoints {
        var (text, node) = (CodePoints(), nodes[Int(node)])
        while node.length > 0 {
            text.append(node.scalar)
            node = nodes[Int(node.parent)]
        }
        return text.reversed()
    }

    /// Drops all nodes but those of `words` and what they begin with.
    /// - Returns: the new number of each node that is left.
    mutating func compact(keeping words: some Sequence<Int32>) -> [Int32] {
        let numbers = compactedNumbers(count: nodes.count, keeping: words) { nodes[$0].parent }
        let old = nodes
        nodes = []
        edges = PairTable()
        for (index, node) in old.enumerated() where numbers[index] >= 0 {
            let parent = numbers[Int(node.parent)]
            if index > 0 { _ = edges.value(parent, node.scalar.value, orInsert: numbers[index]) }
            nodes.append(
                Node(
                    parent: parent, scalar: node.scalar, length: node.length, partialScore: node.partialScore,
                    unigrams: node.unigrams, hotwords: node.hotwords, lexicon: node.lexicon, whole: node.whole))
        }
        return numbers
    }
}

/// New numbers for the nodes of a tree that `kept` and their ancestors are to be left of, -1 for the others.
///
/// Node 0 is the root, its own parent; a parent's number is below its children's.
func compactedNumbers(count: Int, keeping kept: some Sequence<Int32>, parent: (Int) -> Int32) -> [Int32] {
    var numbers = Array(repeating: Int32(-1), count: count)
    numbers[0] = 0
    for leaf in kept {
        var node = Int(leaf)
        while numbers[node] < 0 {
            numbers[node] = 0
            node = Int(parent(node))
        }
    }
    var next: Int32 = 0
    for index in numbers.indices where numbers[index] == 0 {
        numbers[index] = next
        next += 1
    }
    return numbers
}
