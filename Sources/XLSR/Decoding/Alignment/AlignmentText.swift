/// A text, cut into words and characters that have tokens, ready to be aligned.
///
/// A character's tokens are those of the character as it is, of its lower case or of its upper case, whichever the
/// vocabulary has; "é" is found however it is composed. Letters, digits and symbols that it lacks are stars, one for
/// all that follow each other within a word. Other characters that it lacks, punctuation above all, aren't aligned:
/// they stay with the character before them.
package struct AlignmentText: Sendable {
    /// One character, or several that share their tokens.
    package struct Unit: Sendable {
        package var text: String
        package var tokens: [Int]

        var isStar: Bool { tokens == [ForcedAlignment.star] }
    }

    package struct Word: Sendable {
        package var text: String
        package var units: [Unit]
        package var startsLine: Bool
    }

    package let words: [Word]
    /// What stands between two words, if the vocabulary has something for it.
    let delimiter: Int?
    package let source: String

    /// Words that have characters which the vocabulary lacks.
    package var starredWords: [String] { words.filter { $0.units.contains(where: \.isStar) }.map(\.text) }

    /// The text in lines of words that are parted by single spaces.
    var text: String {
        words.enumerated().map { ($0 == 0 ? "" : $1.startsLine ? "\n" : " ") + $1.text }.joined()
    }

    package var tokens: [Int] {
        words.enumerated().flatMap { index, word in
            (index > 0 ? delimiter.map { [$0] } ?? [] : []) + word.units.flatMap(\.tokens)
        }
    }

    /// - Parameters:
    ///   - outputCount: how many of the vocabulary's ids the model gives scores for.
    ///   - source: what the text is called in errors.
    /// - Throws: `TextError` for a text without anything to say (`.empty`), and for one in another script than the
    ///   vocabulary's (`.notInVocabulary`).
    package init(_ text: String, tokenizer: Wav2Vec2CTCTokenizer, outputCount: Int, source: String = "text") throws {
        let lookup = tokenizer.alignmentVocabulary(outputCount: outputCount)
        var words: [Word] = []
        // Words of punctuation alone stay with the word before them, or with the first.
        var silent = ""
        // Most words of a long text come again.
        var known: [CodePoints: [Unit]] = [:]
        for line in text.split(whereSeparator: \.isNewline) {
            var startsLine = true
            for piece in line.split(whereSeparator: \.isWhitespace).map(String.init) {
                let scalars = CodePoints(piece)
                let units = known[scalars] ?? lookup.units(of: scalars)
                known[scalars] = units
                if !units.isEmpty {
                    words.append(Word(text: silent + piece, units: units, startsLine: startsLine))
                    (silent, startsLine) = ("", false)
                } else if words.isEmpty || startsLine {
                    silent += piece + " "
                } else {
                    words[words.count - 1].text += " " + piece
                }
            }
        }
        guard !words.isEmpty else {
            throw TextError(
                .empty, source: source, "no words to align", remedy: "give the text that is said in the audio")
        }
        guard words.contains(where: { !$0.units.allSatisfy(\.isStar) }) else {
            throw TextError(
                .notInVocabulary, source: source, "none of its characters is in the model's vocabulary",
                remedy: "use a model, or a --language, of the text's script, or write digits as words")
        }
        if !silent.isEmpty { words[words.count - 1].text += " " + silent.dropLast() }
        self.words = words
        delimiter = tokenizer.wordDelimiterID.flatMap { $0 < outputCount ? $0 : nil }
        self.source = source
    }
}

extension Wav2Vec2CTCTokenizer {
    /// The tokens that characters of a text may be, without those that mean something else.
    fileprivate func alignmentVocabulary(outputCount: Int) -> AlignmentVocabulary {
        var vocabulary = AlignmentVocabulary()
        let special = Set([blankID, wordDelimiterID, unknownID].compactMap { $0 })
        for id in 0..<max(0, outputCount) where !special.contains(id) {
            guard let token = token(for: id), !token.isEmpty, !token.hasPrefix("<"), !token.hasPrefix("[") else {
                continue
            }
            vocabulary.add(token, id: id)
        }
        return vocabulary
    }
}

private struct AlignmentVocabulary {
    /// Keys compare by canonical equivalence; tokens that differ only in that go by their code points first.
    private var ids: [String: [(token: CodePoints, id: Int)]] = [:]
    private var longest = 1

    mutating func add(_ token: String, id: Int) {
        ids[token, default: []].append((CodePoints(token), id))
        longest = max(longest, token.unicodeScalars.count)
    }

    private func id(_ text: CodePoints) -> Int? {
        guard let found = ids[text.string] else { return nil }
        return found.first { $0.token == text }?.id ?? found[0].id
    }

    /// The longest tokens from left to right, or a character's upper or lower case in several tokens ("ß" as "SS").
    func units(of scalars: CodePoints) -> [AlignmentText.Unit] {
        var units: [AlignmentText.Unit] = []
        var silent = CodePoints()
        var index = 0
        while index < scalars.count {
            let (length, tokens) = match(scalars[index...])
            let text = CodePoints(scalars[index..<index + length])
            index += length
            if tokens.isEmpty {
                if units.isEmpty { silent += text } else { units[units.count - 1].text += text.string }
            } else if tokens == [ForcedAlignment.star], units.last?.isStar == true {
                units[units.count - 1].text += text.string
            } else {
                units.append(.init(text: (silent + text).string, tokens: tokens))
                silent = []
            }
        }
        return units
    }

    private func match(_ rest: ArraySlice<Unicode.Scalar>) -> (length: Int, tokens: [Int]) {
        for length in stride(from: min(longest + 2, rest.count), to: 0, by: -1) {
            let text = CodePoints(rest.prefix(length))
            // A letter and its marks may be one token of fewer code points; parts of a cluster are tried after it.
            for form in [text, text.lowercased(), text.uppercased()] {
                if let id = id(form) { return (length, [id]) }
            }
        }
        let first = CodePoints(rest.prefix(1))
        for form in [first.lowercased(), first.uppercased()] where form.count > 1 {
            let tokens = form.compactMap { id([$0]) }
            if tokens.count == form.count { return (1, tokens) }
        }
        return (1, first.allSatisfy(\.isSpoken) ? [ForcedAlignment.star] : [])
    }
}

extension Unicode.Scalar {
    /// Letters, numbers and symbols; of punctuation and mathematics, what is read out.
    fileprivate var isSpoken: Bool {
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .otherLetter, .decimalNumber, .letterNumber,
            .otherNumber, .currencySymbol, .otherSymbol:
            true
        default: ["%", "&", "@", "#", "‰", "§", "+", "=", "±", "×", "÷"].contains(self)
        }
    }
}
