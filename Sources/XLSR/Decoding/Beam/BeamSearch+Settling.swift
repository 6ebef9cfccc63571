extension BeamSearch {
    /// Whether the best hypothesis has a word or the beginning of one.
    var hasText: Bool {
        beams.first.map { $0.text != TextTrie.root || $0.part != WordTrie.root } ?? false
    }

    /// What can't change any more: hypotheses only ever grow, so all keep what all have in common.
    /// - Returns: the words that are settled since the last call; what all hypotheses go on with, in the middle of a
    ///   word; and the words that the best hypothesis goes on with.
    mutating func settleText() -> (words: [CodePoints], beginning: CodePoints, rest: [CodePoints]) {
        let common = texts.commonAncestor(of: beams.map(\.text))
        let settledWords = texts.words(upTo: common, after: settled).map(words.text)
        settled = common
        let next = beams.map { beam in
            texts.words(upTo: beam.text, after: common).first ?? beam.part
        }
        // An unfinished word may still be cut off where a lexicon says which there are.
        let beginning = scorer.lexicon == nil ? words.text(of: words.commonAncestor(of: next)) : []
        let rest = beams.first.map { beam in
            texts.words(upTo: beam.text, after: common).map(words.text) + [words.text(of: beam.part)]
        }
        return (settledWords, beginning, rest ?? [])
    }
}

extension TextTrie {
    /// The words that lead from `start`, an ancestor, to a text.
    func words(upTo text: Int32, after start: Int32) -> [Int32] {
        var (words, text): ([Int32], Int32) = ([], text)
        while text != start, text != Self.root {
            words.append(word(text))
            text = parent(text)
        }
        return words.reversed()
    }

    func commonAncestor(of texts: some Sequence<Int32>) -> Int32 {
        XLSR.commonAncestor(of: texts, parent: parent)
    }
}

/// The last node of a tree that all of `leaves` have behind them or are. A parent's number is below its children's.
func commonAncestor(of leaves: some Sequence<Int32>, parent: (Int32) -> Int32) -> Int32 {
    leaves.reduce(nil as Int32?) { common, leaf in
        var (a, b) = (common ?? leaf, leaf)
        while a != b { if a > b { a = parent(a) } else { b = parent(b) } }
        return a
    } ?? 0
}
