import Testing
import XLSR

@Suite struct BeamAlphabetTests {
    @Test func vocabulariesBecomeTheAlphabetsOfPyctcdecode() throws {
        let all = try BeamGolden.all.get().labels
        #expect(all.count >= 12 && Set(all.map(\.isSubword)).count == 2)
        for golden in all {
            let alphabet = try BeamAlphabet(vocabulary: golden.vocabulary)
            #expect(alphabet.isSubword == golden.isSubword, "\(golden.vocabulary)")
            #expect(alphabet.labels.map { Array($0.unicodeScalars) } == golden.labels.map { Array($0.unicodeScalars) })
        }
    }

    private func tokenizer(vocabulary: String, settings: String) throws -> Wav2Vec2CTCTokenizer {
        let files = ["vocab.json": vocabulary, "tokenizer_config.json": settings]
        return try Wav2Vec2CTCTokenizer(path: "test") { files[$0].map { Array($0.utf8) } }
    }

    @Test func aTokenizerSaysWhatItsTokensAre() throws {
        let tokenizer = try tokenizer(
            vocabulary: ##"{"A": 0, "#": 1, "<blank>": 2, "<oov>": 3, "É": 4, "|": 5}"##,
            settings: """
                {"pad_token": "<blank>", "unk_token": "<oov>", "word_delimiter_token": "#", "bos_token": null,
                 "eos_token": null, "do_lower_case": true}
                """)
        let alphabet = try BeamAlphabet(tokenizer, columnCount: 7)
        #expect(alphabet.labels == ["a", " ", "", "⁇", "é", "|", "⁇"])
        #expect(!alphabet.isSubword)
    }

    @Test func subwordsNeedNoDelimiter() throws {
        let tokenizer = try tokenizer(
            vocabulary: #"{"▁a": 0, "b": 1, "<pad>": 2, "|": 3, "<unk>": 4}"#,
            settings: #"{"bos_token": null, "eos_token": null}"#)
        let alphabet = try BeamAlphabet(tokenizer, columnCount: 5)
        #expect(alphabet.labels == ["▁a", "b", "", "|", "▁⁇▁"] && alphabet.isSubword)
    }
}
