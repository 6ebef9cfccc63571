import FoundationEssentials
import Testing
import XLSR

@Suite struct TokenizerTests {
    @Test func canonicallyEquivalentTokensAreDifferent() throws {
        let tokenizer = try tokenizer(["vocab.json": #"{"<pad>": 0, "é": 1, "e\u0301": 2, "\ud83d\ude00": 3}"#])
        #expect(codePoints(tokenizer.decode([1, 0, 2])) == codePoints("\u{E9}e\u{301}"))
        #expect(tokenizer.id(for: "\u{E9}") == 1 && tokenizer.id(for: "e\u{301}") == 2)
        #expect(tokenizer.token(for: 3) == "😀" && tokenizer.token(for: 99) == nil)
    }

    @Test func blanksSeparateDoubleLetters() throws {
        let tokenizer = try tokenizer(["vocab.json": #"{"l": 0, "o": 1, "|": 2, "<pad>": 3}"#])
        #expect(tokenizer.blankID == 3 && tokenizer.wordDelimiterID == 2 && tokenizer.unknownID == nil)
        #expect(tokenizer.decode([2, 0, 0, 3, 3, 0, 1, 1, 2, 3, 2, 0]) == "llo  l")
        #expect(tokenizer.decode([]) == "")
    }

    @Test func aLowercaseSigmaAtTheEndOfAWordIsFinal() throws {
        let tokenizer = try tokenizer([
            "vocab.json": #"{"<pad>": 0, "Σ": 1, "|": 2, "'": 3}"#,
            "tokenizer_config.json": #"{"do_lower_case": true}"#,
        ])
        #expect(tokenizer.decode([1, 0, 1, 2, 1, 0, 1, 3, 2, 1]) == "σς σς' σ")
        #expect(try tokenizer.encode("σς") == [1, 1])
    }

    @Test func settingsMayBeInsideTheProcessorConfiguration() throws {
        let files = [
            "vocab.json": ##"{"_": 0, "a": 1, "#": 2}"##,
            "processor_config.json": ##"{"tokenizer": {"pad_token": "_", "word_delimiter_token": "#"}}"##,
        ]
        #expect(try tokenizer(files).decode([1, 2, 0, 1]) == "a a")
        let overridden = files.merging(["tokenizer_config.json": #"{"pad_token": {"content": "a"}}"#]) { $1 }
        #expect(try tokenizer(overridden).blankID == 1)
    }

    @Test func nestedVocabulariesNeedALanguage() throws {
        let files = ["vocab.json": #"{"fra": {"<pad>": 0, "é": 1}, "eng": {"a": 0, "<pad>": 1}}"#]
        for (language, words) in [(nil, ["eng, fra"]), ("deu", ["deu", "eng, fra"])] as [(String?, [String])] {
            let error = try #require(throws: CheckpointError.self) { try tokenizer(files, language: language) }
            #expect(error.kind == .tokenizer && words.allSatisfy { "\(error)".contains($0) })
        }
        #expect(try tokenizer(files, language: "eng").blankID == 1)
        #expect(try tokenizer(files, language: "fra").language == "fra")
        #expect(throws: CheckpointError.self) {
            try tokenizer(["vocab.json": #"{"<pad>": 0}"#], language: "eng")
        }
    }

    @Test func aFolderIsReadAndAMissingVocabularyIsNamed() throws {
        let folder = FileManager.default.temporaryDirectory.appending(
            path: "tokenizer-\(UInt64.random(in: 0 ... .max))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.path()
        let error = try #require(throws: CheckpointError.self) { try Wav2Vec2CTCTokenizer(folder: path) }
        #expect(error.kind == .missingFile && error.path.hasSuffix("vocab.json"))
        try Data(#"{"<pad>": 0, "a": 1}"#.utf8).write(to: folder.appending(path: "vocab.json"))
        #expect(try Wav2Vec2CTCTokenizer(folder: path).decode([1]) == "a")
        try FileManager.default.createDirectory(
            at: folder.appending(path: "added_tokens.json"), withIntermediateDirectories: true)
        #expect(throws: CheckpointError.self) { try Wav2Vec2CTCTokenizer(folder: path) }
    }

    @Test(arguments: [
        #"{"a": 0}"#, #"{}"#, #"{"<pad>": 0, "a": 0}"#, #"{"<pad>": -1}"#, #"{"<pad>": 1.5}"#, #"{"<pad>": true}"#,
        #"{"<pad>": null}"#, #"{"<pad>": "0"}"#, #"{"<pad>": 10000000}"#, #"{"<pad>": 99999999999999999999}"#,
        #"{"<pad>": 0, "x": {"<pad>": 0}}"#, #"{"<pad>": 0} x"#, #"["<pad>"]"#, #"{"<pad>": 0,}"#, #"{"<pad>" 0}"#,
        #"{"\ud800": 1, "<pad>": 0}"#, #"{"\u00g0": 1}"#, #"{"\"#, #"{"a"#, #"{"a":"#, "", "{",
        #"{"x": {"y": {"<pad>": 0}}}"#,
    ]) func badVocabulariesAreTypedErrors(text: String) throws {
        let error = try #require(throws: CheckpointError.self) { try tokenizer(["vocab.json": text]) }
        #expect(!"\(error)".contains("\n") && error.path.hasPrefix("model/"))
    }

    @Test(arguments: [
        (#"{"pad_token": null}"#, "pad_token"), (#"{"pad_token": 3}"#, "pad_token"),
        (#"{"pad_token": "[PAD]"}"#, "pad_token"), (#"{"do_lower_case": "yes"}"#, "do_lower_case"),
        (#"{"added_tokens_decoder": {"x": {"content": "y"}}}"#, "added_tokens_decoder"),
        (#"{"added_tokens_decoder": {"-1": {"content": "y"}}}"#, "added_tokens_decoder"),
        (#"{"added_tokens_decoder": {"3": {}}}"#, "added_tokens_decoder"),
        (#"{"added_tokens_decoder": []}"#, "added_tokens_decoder"), (#"[]"#, "tokenizer_config.json"),
        (#"{"tokenizer_class": "Wav2Vec2PhonemeCTCTokenizer"}"#, "tokenizer_class"),
    ]) func badSettingsNameTheirField(text: String, field: String) throws {
        let files = ["vocab.json": #"{"<pad>": 0, "a": 1}"#, "tokenizer_config.json": text]
        let error = try #require(throws: CheckpointError.self) { try tokenizer(files) }
        #expect("\(error)".contains(field) && error.path == "model/tokenizer_config.json")
    }

    @Test func aCharacterWithoutAnyIdIsAUsageError() throws {
        let tokenizer = try tokenizer(["vocab.json": #"{"<pad>": 0, "a": 1}"#])
        #expect(throws: UsageError.self) { try tokenizer.encode("ab") }
        #expect(try tokenizer.encode("aa") == [1, 1])
    }
}
