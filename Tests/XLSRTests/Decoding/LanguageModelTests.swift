import Testing
import XLSR

@Suite struct LanguageModelTests {
    @Test func scoresAndStatesAreKenLMsFromEveryKindOfFile() throws {
        let fixtures = try LanguageModelFixture.all()
        #expect(fixtures.count == 4)
        for fixture in fixtures {
            #expect(fixture.cases.count >= 30)
            for file in fixture.files {
                let model = try LanguageModelFixture.load(file)
                var states: [Int: NGramModel.State] = [:]
                for item in fixture.cases {
                    let (scores, state) = model.scores(of: item.words, begins: item.begins)
                    #expect(scores == item.scores, "\(file): \(item.words)")
                    #expect(states[item.state] ?? state == state, "\(file): \(item.words)")
                    states[item.state] = state
                }
                #expect(Set(states.values).count == states.count, "\(file): states that differ are equal")
            }
        }
    }

    @Test(arguments: [
        ("three.arpa", NGramModel.Format.arpa, 3, 20), ("three.arpa.gz", .compressedARPA, 3, 20),
        ("three.probing", .kenLMProbing, 3, 20), ("three.rest-probing", .kenLMRestProbing, 3, 20),
        ("three.trie", .kenLMTrie, 3, 20), ("three.quantized-trie", .kenLMQuantizedTrie, 3, 20),
        ("three.array-trie", .kenLMArrayTrie, 3, 20),
        ("three.quantized-array-trie", .kenLMQuantizedArrayTrie, 3, 20), ("five.arpa", .arpa, 5, 12),
        ("two.trie", .kenLMTrie, 2, 12),
    ])
    func aModelKnowsItsFormatItsOrderAndItsWords(file: String, format: NGramModel.Format, order: Int, count: Int) throws
    {
        let model = try LanguageModelFixture.load(file)
        #expect(model.format == format)
        #expect(model.order == order)
        #expect(model.vocabularyCount == count)
        let words = try #require(model.words())
        #expect(words.count == count)
        #expect(words.first == "<unk>")
        #expect(words.indices.dropFirst().allSatisfy { model.index(of: words[$0]) == $0 })
        #expect(model.index(of: "</s>") == model.endOfSentence && model.endOfSentence != 0)
        #expect(model.index(of: "<s>") == model.beginOfSentence && model.beginOfSentence != 0)
    }

    @Test func wordsOutsideTheVocabularyAreUnknown() throws {
        let model = try LanguageModelFixture.load("three.arpa")
        #expect(model.contains("häuser"))
        // The same letters in another composition are other bytes.
        #expect(!model.contains("ha\u{308}user"))
        for word in ["<unk>", "<UNK>", "Cat", "", "\0"] { #expect(model.index(of: word) == 0) }
        let unknown = model.score(0, after: model.beginningOfSentence)
        let impossible = model.score(.max, after: model.beginningOfSentence)
        #expect(unknown.log10Probability == impossible.log10Probability && unknown.state == impossible.state)
    }

    @Test func aBinaryBuiltWithoutWordsHasNone() throws {
        let model = try LanguageModelFixture.load("five.probing")
        #expect(model.words() == nil)
        #expect(model.contains("cat") && !model.contains("zzz"))
    }

    @Test func statesOfAModelOfHigherOrderDoNoHarm() throws {
        let high = try LanguageModelFixture.load("five.arpa")
        let state = high.scores(of: ["<s>", "a", "the", "a"], begins: false).state
        for file in ["two.arpa", "two.probing", "two.trie", "three.trie"] {
            let model = try LanguageModelFixture.load(file)
            let (probability, next) = model.score(model.index(of: "cat"), after: state)
            #expect(probability < 0)
            _ = model.score(model.endOfSentence, after: next)
        }
    }

    @Test func equalStatesHashEqually() throws {
        let model = try LanguageModelFixture.load("five.arpa")
        let states = try LanguageModelFixture.all().flatMap { fixture in
            fixture.cases.map { model.scores(of: $0.words, begins: $0.begins).state }
        }
        var equalPairs = 0
        for first in states {
            for second in states where first == second {
                equalPairs += 1
                #expect(first.hashValue == second.hashValue)
            }
        }
        #expect(equalPairs > states.count)
    }
}
