import TensorEngine
import FoundationEssentials
import Testing
import XLSR

@Suite struct SubwordTokenizerTests {
    private struct Golden: Decodable {
        struct Decoded: Decodable {
            let ids: [Int]
            let text: String
        }

        let name: String
        /// Base64.
        let files: [String: String]
        let size: Int
        let decoded: [Decoded]

        var bytes: [String: [UInt8]] { files.mapValues { Array(Data(base64Encoded: $0) ?? Data()) } }

        static let all: [Golden] = {
            let data = try? Data(contentsOf: URL(filePath: TranslationFixture.folder + "/tokenizers.json"))
            return (data.flatMap { try? JSONDecoder().decode([Golden].self, from: $0) }) ?? []
        }()
    }

    @Test func textIsThatOfTransformers() throws {
        #expect(Golden.all.count >= 8)
        for golden in Golden.all {
            let files = golden.bytes
            let tokenizer = try SubwordTokenizer(path: "t") { files[$0] }
            #expect(tokenizer.tokenCount == golden.size, "\(golden.name)")
            for decoded in golden.decoded {
                // Not by `==`, which takes canonically equivalent texts for one.
                let text = tokenizer.decode(decoded.ids)
                #expect(Array(text.utf8) == Array(decoded.text.utf8), "\(golden.name): \(decoded.ids)")
            }
        }
    }

    @Test func idsBeyondTheVocabularyArePassedOver() throws {
        let files = try #require(Golden.all.first).bytes
        let tokenizer = try SubwordTokenizer(path: "t") { files[$0] }
        #expect(tokenizer.decode([-1, 4_000_000, .max, .min]) == "")
    }

    @Test func brokenFilesSayWhatIsWrong() throws {
        func failure(_ files: [String: String]) -> String {
            do {
                _ = try SubwordTokenizer(path: "m") { files[$0].map { Array($0.utf8) } }
                return ""
            } catch { return "\(error)" }
        }
        #expect(failure([:]).contains("neither tokenizer.json nor sentencepiece.bpe.model is there"))
        #expect(failure(["tokenizer.json": "{"]).hasPrefix("m/tokenizer.json: not valid JSON"))
        #expect(failure(["tokenizer.json": "{}"]).contains("no vocabulary"))
        #expect(
            failure(["tokenizer.json": #"{"model": {"vocab": {"a": 0}}, "decoder": {"type": "CTC"}}"#])
                .contains("the decoder \"CTC\" is not supported"))
        #expect(
            failure(["tokenizer.json": #"{"model": {"vocab": {"a": 0, "b": 0}}}"#]).contains("id 0 is given to two"))
        #expect(failure(["tokenizer.json": #"{"model": {"vocab": {"a": 99999999}}}"#]).contains("has the id 99999999"))
        #expect(
            failure(["tokenizer.json": String(repeating: "[", count: 100_000)]).hasPrefix("m/tokenizer.json: not valid")
        )
        #expect(failure(["sentencepiece.bpe.model": "\u{A}\u{7F}abc"]).contains("cut off"))
        #expect(failure(["sentencepiece.bpe.model": "plain text"]).contains("m/sentencepiece.bpe.model"))
        let sentencePiece = try #require(Golden.all.first { $0.name == "sentencepiece" }).bytes
        #expect {
            _ = try SubwordTokenizer(path: "m") { name in
                name == "tokenizer_config.json"
                    ? Array(#"{"tokenizer_class": "OtherTokenizer"}"#.utf8) : sentencePiece[name]
            }
        } throws: {
            "\($0)".contains("ids of a OtherTokenizer are not known")
        }
    }

    @Test func mutatedFilesLoadOrGiveTypedErrors() throws {
        let insertions =
            ["{", "}", "[", "]", "\"", ":", ",", "\\ud800", "-1", "9999999999", "null", "\"type\":", "\u{0}"]
            .map { Array($0.utf8) } + [[0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F], [0x0A, 0x80], [0x0B]]
        var generator = RandomSource(seed: 7)
        var (loaded, refused) = (0, 0)
        for round in 0..<1000 {
            let golden = Golden.all[round % Golden.all.count]
            var files = golden.bytes
            let names = files.keys.sorted()
            let name = names[Int.random(in: names.indices, using: &generator)]
            files[name] = mutated(files[name] ?? [], inserting: insertions, &generator)
            do {
                let tokenizer = try SubwordTokenizer(path: "m") { [files] in files[$0] }
                loaded += 1
                _ = tokenizer.decode(golden.decoded.flatMap(\.ids))
                _ = tokenizer.languageTokens
            } catch is CheckpointError {
                refused += 1
            }
        }
        #expect(loaded > 50 && refused > 100 && loaded + refused == 1000, "\(loaded) loaded, \(refused) refused")
    }
}
