import Testing
import XLSR

@Suite struct BeamSearchTests {
    private let golden: BeamGolden

    init() throws { golden = try BeamGolden.all.get() }

    private func check(_ golden: BeamGolden.Case, _ hypotheses: [BeamHypothesis]) {
        let words = hypotheses.first?.words.map(BeamGolden.Word.init)
        let isEqual = zip(hypotheses, golden.beams).allSatisfy { hypothesis, expected in
            hypothesis.text.unicodeScalars.elementsEqual(expected.text.unicodeScalars)
                && abs(hypothesis.acousticScore - expected.acousticScore) < 1e-5
                && abs(hypothesis.totalScore - expected.totalScore) < 1e-5
        }
        let found = hypotheses.prefix(4).map { "\($0.text) \($0.acousticScore) \($0.totalScore)" }
        #expect(hypotheses.count == golden.count && isEqual && words == golden.words, "\(golden): \(found)")
    }

    @Test func everyHypothesisIsThatOfPyctcdecode() throws {
        #expect(Set(golden.cases.map { "\($0.alphabet) \($0.offset)" }).count >= 200)
        #expect(golden.cases.count { $0.languageModel != nil } >= 200)
        #expect(golden.cases.count { $0.hotwords != nil } >= 100)
        #expect(golden.cases.count { $0.beams[0].text.contains(" ") } >= 200)
        for golden in golden.cases {
            let decoder = try self.golden.decoder(golden)
            check(golden, try decoder.decode(self.golden.scores(golden, columns: decoder.alphabet.count), .logits))
        }
    }

    @Test(arguments: ["lower.probing.bin", "lower.trie.bin", "demo.probing.bin", "demo.trie.bin"])
    func kenLMBinariesGiveWhatTheirTextGives(file: String) throws {
        let cases = golden.cases.filter { file.hasPrefix($0.alphabet + ".") && $0.languageModel != nil }
        #expect(cases.count >= 15)
        for golden in cases {
            let decoder = try self.golden.decoder(golden, languageModel: BeamGolden.path(file))
            check(golden, try decoder.decode(self.golden.scores(golden, columns: decoder.alphabet.count), .logits))
        }
    }

    @Test func wordsHaveConfidencesAndTokensCoverThem() throws {
        let all = golden.cases.filter { $0.alphabet == "demo" }
        for golden in all {
            let decoder = try self.golden.decoder(golden)
            let best = try decoder.decode(self.golden.scores(golden, columns: decoder.alphabet.count))[0]
            #expect(best.words.allSatisfy { 0...1 ~= $0.confidence && $0.confidence > 0 })
            #expect(best.tokens.map(\.text).joined().split(separator: " ").joined(separator: " ") == best.text)
            #expect(
                zip(best.tokens, best.tokens.dropFirst()).allSatisfy { $0.frames.upperBound <= $1.frames.lowerBound })
        }
    }

    @Test func aBatchGivesWhatItsMembersGive() throws {
        let cases = golden.cases.filter { $0.alphabet == "lower" }
        let decoder = try golden.decoder(cases[0])
        let batch = try cases.map { try golden.scores($0, columns: decoder.alphabet.count) }
        #expect(try decoder.decode(batch: batch) == (try batch.map { try decoder.decode($0) }))
        #expect(try decoder.decode(batch: []).isEmpty)
    }
}

@Suite struct BeamSearchInputTests {
    private let alphabet: BeamAlphabet

    init() throws { alphabet = try BeamAlphabet(vocabulary: ["<pad>", "a", "b", "|"]) }

    private func decode(_ scores: [Float], _ kind: ScoreKind = .logits) throws -> BeamHypothesis {
        try BeamSearchDecoder(alphabet: alphabet).decode(scores, kind)[0]
    }

    @Test func noFramesAreTheEmptyText() throws {
        let best = try decode([])
        #expect(best.text.isEmpty && best.words.isEmpty && best.totalScore == 0)
    }

    @Test func rowsMustBeWhole() {
        #expect(throws: UsageError.self) { try decode([1, 2, 3]) }
    }

    @Test func aVocabularyOfOnlyTheBlankSaysNothing() throws {
        let decoder = try BeamSearchDecoder(alphabet: BeamAlphabet(vocabulary: ["<pad>"]))
        #expect(try decoder.decode([1, 2, 3])[0].text.isEmpty)
    }

    @Test func whatIsNoNumberIsImpossibleAndInfinityIsCertain() throws {
        let (nan, infinity) = (Float.nan, Float.infinity)
        #expect(try decode([nan, 3, nan, 1]).text == "a")
        #expect(try decode([0, infinity, 5, 1]).text == "a")
        #expect(try decode([0, infinity, 5, 1]).acousticScore == 0)
        #expect(try decode([-infinity, -infinity, 0, -infinity]).text == "b")
        #expect(try decode([nan, nan, nan, nan, -infinity, -infinity, -infinity, -infinity]).text == "")
        #expect(try decode([.greatestFiniteMagnitude, -.greatestFiniteMagnitude, 0, 0]).text == "")
        #expect(try decode([nan, nan, 1, nan], .probabilities).text == "b")
        #expect(try decode([nan, nan, nan, nan], .probabilities).text == "")
    }

    @Test func probabilitiesAreRecognisedByTheirSums() throws {
        let probabilities: [Float] = [0.1, 0.6, 0.2, 0.1, 0.7, 0.1, 0.1, 0.1]
        let expected = try decode(probabilities, .probabilities)
        #expect(try decode(probabilities, .detected) == expected)
        #expect(try decode(probabilities, .logits).acousticScore != expected.acousticScore)
        #expect(try decode([0.5, 3, 0.2, 0.1], .detected) == decode([0.5, 3, 0.2, 0.1], .logits))
    }

    @Test func equalScoresHaveAnOrder() throws {
        let first = try BeamSearchDecoder(alphabet: alphabet).decode([Float](repeating: 0, count: 40))
        let second = try BeamSearchDecoder(alphabet: alphabet).decode([Float](repeating: 0, count: 40))
        #expect(first == second && first.count > 1)
    }

    @Test func settingsThatMakeNoSenseAreRefused() throws {
        func decoder(_ change: (inout BeamSearchOptions) -> Void) throws -> BeamSearchDecoder {
            var options = BeamSearchOptions()
            change(&options)
            return try BeamSearchDecoder(alphabet: alphabet, options: options)
        }
        #expect(throws: UsageError.self) { try decoder { $0.beamWidth = 0 } }
        #expect(throws: UsageError.self) { try decoder { $0.beamPruningLogProbability = 1 } }
        #expect(throws: UsageError.self) { try decoder { $0.minimumTokenLogProbability = .nan } }
        #expect(throws: UsageError.self) { try decoder { $0.hotwords = [Hotword("a", boost: .infinity)] } }
        #expect(throws: UsageError.self) { try BeamSearchDecoder(alphabet: alphabet, lexicon: ["", ""]) }
        #expect(throws: UsageError.self) { try BeamAlphabet(labels: ["a", "b"], isSubword: false) }
        #expect(throws: UsageError.self) { try BeamAlphabet(vocabulary: ["a", "a"]) }
        #expect(throws: UsageError.self) { try BeamAlphabet(vocabulary: ["▁a", " b"]) }
    }
}
