import Testing
import XLSR

@Suite struct LexiconTests {
    private let golden: BeamGolden

    init() throws { golden = try BeamGolden.all.get() }

    @Test func onlyWordsOfTheLexiconAreWritten() throws {
        let lexicon = ["one", "two", "three", "nine", "oh"]
        for golden in golden.cases where golden.alphabet == "demo" {
            let alphabet = try self.golden.alphabet(golden)
            let scores = try self.golden.scores(golden, columns: alphabet.count)
            let free = try BeamSearchDecoder(alphabet: alphabet).decode(scores)[0]
            #expect(!free.words.allSatisfy { lexicon.contains($0.text) })
            for hypothesis in try BeamSearchDecoder(alphabet: alphabet, lexicon: lexicon).decode(scores) {
                #expect(hypothesis.words.allSatisfy { lexicon.contains($0.text) }, "\(hypothesis.text)")
                #expect(hypothesis.text == hypothesis.words.map(\.text).joined(separator: " "))
            }
        }
    }

    @Test func aLexiconOfWhatIsSaidChangesNothing() throws {
        let digits = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
        for golden in golden.cases where golden.alphabet == "demo" {
            let alphabet = try self.golden.alphabet(golden)
            let scores = try self.golden.scores(golden, columns: alphabet.count)
            let free = try BeamSearchDecoder(alphabet: alphabet).decode(scores)[0]
            guard free.words.allSatisfy({ digits.contains($0.text) }) else { continue }
            #expect(try BeamSearchDecoder(alphabet: alphabet, lexicon: digits).decode(scores)[0].text == free.text)
        }
    }

    @Test func anUnfinishedWordAtTheEndIsLeftOut() throws {
        let alphabet = try BeamAlphabet(vocabulary: ["<pad>", "a", "b", "|"])
        let decoder = try BeamSearchDecoder(alphabet: alphabet, lexicon: ["ab", "ba"])
        func row(_ token: Int) -> [Float] { (0..<4).map { $0 == token ? 20 : 0 } }
        #expect(try decoder.decode([1, 2, 3, 1].flatMap(row))[0].text == "ab")
        #expect(try decoder.decode([1, 2, 3, 2, 1].flatMap(row))[0].text == "ab ba")
        #expect(try decoder.decode(row(1))[0].text == "")
    }

    @Test func aFileOfWordsMayHaveSpellings() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/lexicon.txt"
            try write("one\to n e |\r\ntwo\n\nthree 3\n", to: path)
            #expect(try Lexicon.words(path) == ["one", "two", "three"])
            try write(" \n", to: path)
            #expect(throws: CheckpointError.self) { try Lexicon.words(path) }
            try write([0x61, 0xFF], to: path)
            #expect(throws: CheckpointError.self) { try Lexicon.words(path) }
            #expect(throws: CheckpointError.self) { try Lexicon.words(folder + "/none") }
        }
    }
}
