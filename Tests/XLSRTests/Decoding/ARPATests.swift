import Testing
import XLSR

/// ARPA texts that are unusual or wrong.
@Suite struct ARPATests {
    private static let text = """
        \\data\\
        ngram 1=4
        ngram 2=2

        \\1-grams:
        -99\t<s>\t-0.5
        -1\t</s>
        -0.5\tword\t-0.25
        -1.5\t<unk>

        \\2-grams:
        -0.125\t<s> word
        -0.75\tword </s>

        \\end\\

        """

    private func replacing(_ old: String, _ new: String) throws -> [UInt8] {
        let parts = Self.text.split(separator: old, omittingEmptySubsequences: false)
        try #require(parts.count > 1)
        return Array(parts.joined(separator: new).utf8)
    }

    private func scores(_ text: some Sequence<UInt8>) throws -> [Float] {
        try languageModel(text).scores(of: ["word", "</s>"], begins: true).scores
    }

    @Test func backingOffAddsTheWeightOfTheContext() throws {
        let model = try languageModel(Self.text.utf8)
        #expect(model.scores(of: ["word", "</s>"], begins: true).scores == [-0.125, -0.75])
        #expect(model.scores(of: ["word", "word", "other"], begins: false).scores == [-0.5, -0.75, -1.75])
        #expect(model.scores(of: ["</s>"], begins: true).scores == [-1.5])
    }

    @Test(arguments: [
        ("\n", "\r\n"), ("\\data\\", "\u{FEFF}\\data\\"), ("\\data\\", "# made by hand\n\n\\data\\"), ("\t", " "),
        ("\n\\", "\n\n\n\\"), ("-0.125\t", "-1.25e-1\t"), ("-0.125\t", "-.125\t"),
        ("-0.125\t", "-0.1250000000000000000000\t"),
        ("-0.75\tword </s>", "-0.75\tword </s>\t0"), ("=", " = "), ("\\end\\\n", "\\end\\"),
    ])
    func harmlessVariationsAreRead(old: String, new: String) throws {
        #expect(try scores(replacing(old, new)) == [-0.125, -0.75])
    }

    @Test func aModelWithoutUnknownGivesItKenLMsProbability() throws {
        let text = try replacing("-1.5\t<unk>\n", "")
        let model = try languageModel(
            String(decoding: text, as: UTF8.self).split(separator: "ngram 1=4").joined(separator: "ngram 1=3").utf8)
        #expect(model.score(0, after: NGramModel.emptyState).log10Probability == -100)
        #expect(model.vocabularyCount == 4)
    }

    @Test func ofTwoEqualNGramsTheFirstCounts() throws {
        let text = try replacing("-0.75\tword </s>", "-0.75\tword </s>\n-0.875\tword </s>\n-9\t<s> word")
        let counted = String(decoding: text, as: UTF8.self).split(separator: "ngram 2=2").joined(separator: "ngram 2=4")
        #expect(try scores(counted.utf8) == [-0.125, -0.75])
    }

    @Test func aModelOfSingleWordsKnowsNoContext() throws {
        let text = "\\data\\\nngram 1=3\n\n\\1-grams:\n-99\t<s>\t-1\n-1\t</s>\n-0.5\tword\t-2\n\n\\end\\\n"
        let model = try languageModel(text.utf8)
        #expect(model.order == 1)
        let (scores, state) = model.scores(of: ["word", "word", "</s>"], begins: true)
        #expect(scores == [-0.5, -0.5, -1])
        #expect(state == NGramModel.emptyState && state == model.beginningOfSentence)
    }

    @Test(arguments: [
        ("ngram 1=4", "ngram 1=5", "only 4 of the 5 1-grams"), ("ngram 1=4", "ngram 1=3", "more 1-grams than the 3"),
        ("ngram 2=2", "ngram 2=1", "more 2-grams than the 1"), ("ngram 2=2", "ngram 2=3", "only 2 of the 3 2-grams"),
        ("ngram 2=2", "ngram 2=0", "\\end\\ expected"), ("ngram 2=2", "ngram 2=2\nngram 3=1", "\\3-grams: expected"),
        ("ngram 1=4", "ngram 1=4611686018427387904", "can't be in a file of this size"),
        ("ngram 1=4", "ngram 1=99999999999999999999", "not a count"), ("ngram 1=4", "ngram 1=-4", "not a count"),
        ("ngram 2=2", "ngram 3=2", "order 2 expected"), ("ngram 1=4", "4", "not a count"),
        ("\\1-grams:", "\\2-grams:", "\\1-grams: expected"), ("\\2-grams:\n", "", "\\2-grams: expected"),
        ("\\end\\", "", "cut off"), ("\\end\\", "\\end\\\nmore", "text after"),
        ("-0.125\t", "x\t", "not a number"), ("-0.125\t", "nan\t", "not a number"),
        ("-0.125\t", "-0x1\t", "not a number"),
        ("-0.125\t", "-1e\t", "not a number"), ("-0.125\t", "0.125\t", "positive"), ("-0.125\t", "inf\t", "positive"),
        ("word\t-0.25", "word\tx", "back-off"), ("word\t-0.25", "word\t-inf", "back-off"),
        ("word\t-0.25", "word\t-0.25\t1", "back-off"), ("word </s>", "word </s>\t-1", "highest order"),
        ("word </s>", "word", "fewer than 2 words"), ("-1.5\t<unk>", "-1.5", "a word is missing"),
        ("-99\t<s>\t", "-99\t<S>\t", "<s> is missing"), ("-1\t</s>", "-1\t</S>", "</s> is missing"),
    ])
    func wrongTextIsRefused(old: String, new: String, words: String) throws {
        let error = #expect(throws: CheckpointError.self) { try languageModel(replacing(old, new)) }
        #expect(error?.kind == .malformed)
        #expect(error?.description.contains(words) == true, "\(error?.description ?? "no error")")
    }

    @Test func anNGramWhoseContextIsMissingIsRefused() throws {
        let trigrams = Self.text.split(separator: "ngram 2=2").joined(separator: "ngram 2=2\nngram 3=1")
            .split(separator: "\\end\\").joined(separator: "\\3-grams:\n-0.5\tword word </s>\n\n\\end\\")
        let error = #expect(throws: CheckpointError.self) { try languageModel(trigrams.utf8) }
        #expect(error?.description.contains("the first 2 words of this 3-gram are no 2-gram") == true)
    }

    @Test func ordersAboveSixAreRefused() throws {
        let counts = (1...7).map { "ngram \($0)=1" }.joined(separator: "\n")
        let error = #expect(throws: CheckpointError.self) {
            try languageModel(replacing("ngram 1=4\nngram 2=2", counts))
        }
        #expect(error?.kind == .languageModel)
    }

    @Test func everyCutIsRefused() throws {
        let bytes = Array(Self.text.utf8)
        for count in 1..<bytes.count - 2 {
            #expect(throws: CheckpointError.self) { try languageModel(bytes.prefix(count)) }
        }
    }
}
