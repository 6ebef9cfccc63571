/// The added tokens of a tokenizer, by content and by id.
struct AddedTokenTable {
    private(set) var ids: [CodePoints: Int] = [:]
    private(set) var contents: [Int: CodePoints] = [:]
    private var tokens: [CodePoints: AddedToken] = [:]
    /// Tokens by first code point, longest first.
    private var byFirst: [Unicode.Scalar: [CodePoints]] = [:]

    /// The tokens of the settings files, of the special tokens and of the vocabulary, as Hugging Face merges them.
    ///
    /// A special token that has no id gets the next one after the vocabulary. A vocabulary's token of several
    /// characters is one that text is split at, and eats the whitespace around it.
    init(_ settings: TokenizerSettings, vocabulary: [CodePoints: Int], tokens vocabularyTokens: [Int: CodePoints]) {
        // Tokens saved for another language may sit where this vocabulary has its own.
        for (id, token) in settings.addedTokens.sorted(by: { $0.key < $1.key })
        where vocabularyTokens[id] == nil || vocabularyTokens[id] == token.content {
            add(token, id: id)
        }
        var nextID = vocabulary.count + ids.keys.count { vocabulary[$0] == nil }
        for content in settings.specialTokens where !content.isEmpty && ids[content] == nil {
            add(AddedToken(content: content), id: vocabulary[content] ?? nextID)
            if vocabulary[content] == nil { nextID += 1 }
        }
        for (content, id) in vocabulary where content.count > 1 {
            let token = AddedToken(content: content, stripsLeft: true, stripsRight: true)
            add(token, id: ids[content] ?? id)
        }
        for content in ids.keys {
            if let first = content.first { byFirst[first, default: []].append(content) }
        }
        for first in byFirst.keys { byFirst[first]?.sort { $0.count > $1.count } }
    }

    private mutating func add(_ token: AddedToken, id: Int) {
        ids[token.content] = id
        contents[id] = token.content
        tokens[token.content] = token
    }

    /// Cuts text at the added tokens, leftmost and longest first, and lets each eat whitespace as its settings say.
    func split(_ text: CodePoints) -> [CodePoints] {
        var pieces = cut(text)
        for index in pieces.indices {
            guard let token = tokens[pieces[index]] else { continue }
            let left = index > 0 ? pieces[index - 1] : []
            let right = index + 1 < pieces.count ? pieces[index + 1] : []
            if token.stripsRight, !right.isEmpty { pieces[index + 1] = right.strippingLeadingWhitespace() }
            if token.stripsLeft, !left.isEmpty { pieces[index - 1] = left.strippingTrailingWhitespace() }
            if token.isSingleWord, let last = left.last, last != " " {
                pieces[index - 1] += token.content
                pieces[index] = []
            } else if token.isSingleWord, let first = right.first, first != " " {
                pieces[index + 1] = token.content + pieces[index + 1]
                pieces[index] = []
            }
        }
        return pieces.filter { !$0.isEmpty }
    }

    private func cut(_ text: CodePoints) -> [CodePoints] {
        var pieces: [CodePoints] = []
        var start = 0
        var index = 0
        while index < text.count {
            guard let token = byFirst[text[index]]?.first(where: { text[index...].starts(with: $0) }) else {
                index += 1
                continue
            }
            if start < index { pieces.append(CodePoints(text[start..<index])) }
            pieces.append(token)
            index += token.count
            start = index
        }
        if start < text.count { pieces.append(CodePoints(text[start...])) }
        return pieces
    }
}
