/// What each column of a score matrix stands for, in pyctcdecode's terms: "" is the blank, " " parts words.
///
/// A subword alphabet has no " ": tokens that begin with "▁" begin a word.
public struct BeamAlphabet: Sendable {
    static let wordStart = Unicode.Scalar(0x2581 as UInt16) ?? " "

    /// A column, ready for the search.
    struct Token: Sendable {
        /// Equal for equal labels.
        let label: Int32
        /// What it adds to a word.
        let text: CodePoints
        /// What it begins a word with: `text` without the "▁" that only mark the borders.
        let opening: CodePoints
        let isBlank: Bool
        /// " " of an alphabet that isn't subword.
        let isDelimiter: Bool
        let startsWord: Bool
        /// In a subword alphabet, whatever comes next starts a word.
        let endsWord: Bool
    }

    /// Whether words are made of subwords.
    public let isSubword: Bool
    let tokens: [Token]
    let blank: Int
    private let codePoints: [CodePoints]

    /// One a column.
    public var labels: [String] { codePoints.map(\.string) }
    public var count: Int { codePoints.count }

    /// Labels that stand for themselves, as an alphabet.json has them.
    /// - Throws: `UsageError` when none of them is the blank, "".
    public init(labels: [String], isSubword: Bool) throws {
        try self.init(labels.map { CodePoints($0) }, isSubword: isSubword)
    }

    /// The tokens of a vocabulary in the order of their ids, read as pyctcdecode's `build_ctcdecoder` reads them.
    ///
    /// `<pad>`, `[PAD]`, or else `_`, is the blank; `|` parts words unless there is a " "; `<unk>` and `[UNK]` are
    /// written "⁇"; of "##" subwords, those without it begin words. An alphabet without a blank gets one more column.
    /// - Throws: `UsageError` for a label that comes twice, and for a space among subwords.
    public init(vocabulary: [String]) throws {
        let labels = vocabulary.map { CodePoints($0) }
        guard Set(labels).count == labels.count else {
            throw UsageError("the vocabulary has a token twice, so an alphabet can't be made of it")
        }
        try self.init(normalizing: labels)
    }

    /// The alphabet of a model's head with `columnCount` outputs.
    ///
    /// The tokenizer's blank, word delimiter and unknown token are taken for what they are, whatever they are called;
    /// with `do_lower_case`, tokens are lowercased, as the text is that the tokenizer decodes.
    /// - Throws: `UsageError` for a space among subwords.
    public init(_ tokenizer: Wav2Vec2CTCTokenizer, columnCount: Int) throws {
        let unknown = CodePoints("<unk>")
        var labels = (0..<columnCount).map { id -> CodePoints in
            if id == tokenizer.blankID { return [] }
            guard id != tokenizer.unknownID, let token = tokenizer.token(for: id) else { return unknown }
            return tokenizer.cased(CodePoints(token))
        }
        if let id = tokenizer.wordDelimiterID, labels.indices.contains(id), !Self.isSubword(labels) {
            labels[id] = [" "]
        }
        try self.init(normalizing: labels)
    }

    private init(_ labels: [CodePoints], isSubword: Bool) throws {
        guard let blank = labels.firstIndex(of: []) else { throw UsageError("the alphabet has no blank (\"\")") }
        var first: [CodePoints: Int32] = [:]
        for (index, label) in labels.enumerated() where first[label] == nil { first[label] = Int32(index) }
        (self.isSubword, self.blank, codePoints) = (isSubword, blank, labels)
        tokens = labels.map { label in
            var opening = label[...]
            let startsWord = isSubword && label.first == Self.wordStart
            let endsWord = isSubword && label.last == Self.wordStart
            if startsWord { opening = opening.dropFirst() }
            if endsWord { opening = opening.dropLast() }
            return Token(
                label: first[label] ?? 0, text: label, opening: CodePoints(opening), isBlank: label.isEmpty,
                isDelimiter: !isSubword && label == [" "], startsWord: startsWord, endsWord: endsWord)
        }
    }
}

// MARK: - pyctcdecode's rules for the labels of a vocabulary

extension BeamAlphabet {
    private static let unknownSign = CodePoints("⁇")

    private static func isSubword(_ labels: [CodePoints]) -> Bool {
        labels.contains { $0.starts(with: ["#", "#"]) || $0.first == wordStart }
    }

    private init(normalizing labels: [CodePoints]) throws {
        let isSubword = Self.isSubword(labels)
        guard !isSubword || !labels.joined().contains(" ") else {
            throw UsageError("the vocabulary has a token with a space, though \"▁\" or \"##\" mark its words")
        }
        var labels = labels
        if isSubword, labels.contains(where: { $0.starts(with: ["#", "#"]) }) {
            labels = labels.map(Self.withoutNumberSigns)
        } else if !isSubword, !labels.contains([" "]), let delimiter = labels.firstIndex(of: ["|"]) {
            labels[delimiter] = [" "]
        }
        for index in labels.indices where Self.isBracketed("pad", labels[index]) { labels[index] = [] }
        if !isSubword, !labels.contains([]), let blank = labels.firstIndex(of: ["_"]) { labels[blank] = [] }
        if !labels.contains([]) { labels.append([]) }
        for index in labels.indices where Self.isBracketed("unk", labels[index]) {
            labels[index] = isSubword ? [Self.wordStart] + Self.unknownSign + [Self.wordStart] : Self.unknownSign
        }
        try self.init(labels, isSubword: isSubword)
    }

    /// From "##" in front of what continues a word to "▁" in front of what begins one.
    private static func withoutNumberSigns(_ label: CodePoints) -> CodePoints {
        if label.starts(with: ["#", "#"]) { return CodePoints(label.dropFirst(2)) }
        let isSpecial =
            label.count > 2 && "<[".unicodeScalars.contains(label[0])
            && ">]".unicodeScalars.contains(label[label.count - 1])
        let isKept =
            isSpecial || label.isEmpty || label == [wordStart] || label == [wordStart] + unknownSign + [wordStart]
        return isKept ? label : [wordStart] + label
    }

    /// `<word>` or `[word]` in any case.
    private static func isBracketed(_ word: String, _ label: CodePoints) -> Bool {
        guard label.count == word.unicodeScalars.count + 2, let first = label.first, let last = label.last else {
            return false
        }
        return "<[".unicodeScalars.contains(first) && ">]".unicodeScalars.contains(last)
            && CodePoints(label.dropFirst().dropLast()).lowercased() == CodePoints(word)
    }
}
