import Testing
import XLSR

@Suite struct TokenizerGoldenTests {
    @Test func theGoldensAreThere() {
        #expect(TokenizerGolden.all.count == 12)
        #expect(TokenizerGolden.all.allSatisfy { $0.decoded.count >= 25 && $0.encoded.count >= 10 })
    }

    @Test(arguments: TokenizerGolden.all) func decodesAsTransformers(golden: TokenizerGolden) throws {
        let tokenizer = try golden.tokenizer()
        #expect(tokenizer.blankID == golden.blank)
        #expect(tokenizer.vocabularySize == golden.size)
        for expected in golden.decoded {
            #expect(codePoints(tokenizer.decode(expected.ids)) == codePoints(expected.text), "\(expected.ids)")
        }
    }

    @Test(arguments: TokenizerGolden.all) func offsetsAreThoseOfTransformers(golden: TokenizerGolden) throws {
        let tokenizer = try golden.tokenizer()
        for expected in golden.decoded {
            let path = try BestPath(ids: expected.ids, probabilities: expected.ids.map { _ in 0.5 })
            let transcript = tokenizer.transcript(of: path, secondsPerFrame: 0.02)
            #expect(codePoints(transcript.text) == codePoints(expected.text))
            for (pieces, texts, offsets) in [
                (transcript.characters, expected.characters, expected.characterOffsets),
                (transcript.words, expected.words, expected.wordOffsets),
            ] {
                #expect(pieces.flatMap { [$0.start, $0.end] } == offsets.map { Double($0) * 0.02 })
                #expect(pieces.allSatisfy { $0.confidence == 0.5 })
                if golden.lowerCase {
                    #expect(pieces.map(\.text.count) == texts.map { $0.lowercased().count })
                } else {
                    #expect(codePoints(pieces.map(\.text)) == codePoints(texts))
                }
            }
        }
    }

    @Test(arguments: TokenizerGolden.all) func encodesAsTransformers(golden: TokenizerGolden) throws {
        let tokenizer = try golden.tokenizer()
        for expected in golden.encoded {
            #expect(try tokenizer.encode(expected.text) == expected.ids, "\(expected.text.debugDescription)")
        }
    }
}
