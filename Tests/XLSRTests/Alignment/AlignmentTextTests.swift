import Testing
import XLSR

@Suite struct AlignmentTextTests {
    /// Upper case, with "É" composed and "ñ" decomposed, and no digits.
    private let vocabulary = [
        "vocab.json": """
        {"<pad>": 0, "<unk>": 1, "|": 2, "A": 3, "B": 4, "S": 5, "É": 6, "N": 7, "'": 8, "N\\u0303": 9, "<s>": 10}
        """
    ]

    private func text(_ text: String, outputs: Int = 11) throws -> AlignmentText {
        try AlignmentText(text, tokenizer: tokenizer(vocabulary), outputCount: outputs)
    }

    private let star = ForcedAlignment.star

    @Test func caseIsTheVocabularys() throws {
        #expect(try text("aB\tÉbé").tokens == [3, 4, 2, 6, 4, 6])
        #expect(try text("aß").tokens == [3, 5, 5])
        #expect(try text("e\u{301}").tokens == [6], "composed or not")
        #expect(try text("\u{F1}a").tokens == [9, 3], "however the vocabulary has it")
    }

    @Test func punctuationStaysInWordsButIsNotAligned() throws {
        let text = try text("«Ab», b'a… – a!\n")
        #expect(text.words.map(\.text) == ["«Ab»,", "b'a… –", "a!"])
        #expect(text.words[0].units.map(\.text) == ["«A", "b»,"])
        #expect(text.tokens == [3, 4, 2, 4, 8, 3, 2, 3])
        #expect(try self.text("– a –").words.map(\.text) == ["– a –"])
        #expect(text.starredWords.isEmpty)
    }

    @Test func whatTheVocabularyLacksIsOneStarARun() throws {
        let text = try text("a 1984 bЖб b 5%")
        #expect(text.tokens == [3, 2, star, 2, 4, star, 2, 4, 2, star])
        #expect(text.starredWords == ["1984", "bЖб", "5%"])
        #expect(text.words[2].units.map(\.text) == ["b", "Жб"])
    }

    @Test func specialTokensAreNoText() throws {
        #expect(try text("a <s> | a").tokens == [3, 2, 5, 2, 3], "an S between brackets, and no delimiter")
    }

    @Test func linesAreRemembered() throws {
        let text = try text("\n a b\r\n\n– b\u{2028}a")
        #expect(text.words.map(\.startsLine) == [true, false, true, true])
        #expect(text.words[2].text == "– b")
    }

    @Test func withoutADelimiterWordsFollowEachOther() throws {
        #expect(try text("a b", outputs: 2 + 9).tokens == [3, 2, 4])
        let tokenizer = try XLSRTests.tokenizer(["vocab.json": #"{"<pad>": 0, "a": 1, "b": 2}"#])
        #expect(try AlignmentText("a b", tokenizer: tokenizer, outputCount: 3).tokens == [1, 2])
    }

    @Test func tokensThatTheModelDoesNotScoreAreUnknown() throws {
        #expect(try text("a b s", outputs: 5).tokens == [3, 2, 4, 2, star])
    }

    @Test(arguments: ["", " \n\t", "… – !", "\u{301}"])
    func nothingToSayIsAnError(nothing: String) throws {
        let error = #expect(throws: TextError.self) { try text(nothing) }
        #expect(error?.kind == .empty)
    }

    @Test func anotherScriptIsAnError() throws {
        let error = #expect(throws: TextError.self) { try text("привет 12") }
        #expect(error?.kind == .notInVocabulary && error?.description.contains("--language") == true)
    }
}
