import Testing
import XLSR

@Suite struct BestPathTests {
    let tokenizer: Wav2Vec2CTCTokenizer

    init() throws {
        tokenizer = try XLSRTests.tokenizer(["vocab.json": #"{"<pad>": 0, "a": 1, "b": 2, "|": 3}"#])
    }

    @Test func theArgmaxHasItsSoftmaxProbability() throws {
        let path = try BestPath(logits: [0, 0, 0, 0, 1, 3, 1, 3, -1e30, 2, -1e30, -1e30], vocabularySize: 4)
        #expect(path.ids == [0, 1, 1])
        #expect(path.probabilities[0] == 0.25 && path.probabilities[2] == 1)
        #expect(abs(path.probabilities[1] - 0.440_398_54) < 1e-6)
    }

    @Test func invalidLogitsHaveNoProbability() throws {
        let rows: [[Float]] = [
            [.nan, .nan, .nan, .nan], [.nan, 1, 2, 0], [0, .infinity, 0, 0],
            [-.infinity, -.infinity, -.infinity, -.infinity],
        ]
        let path = try BestPath(logits: rows.flatMap { $0 }, vocabularySize: 4)
        #expect(path.ids == [0, 2, 1, 0])
        #expect(path.probabilities == [0, 0, 0, 0])
        #expect(tokenizer.transcript(of: path, secondsPerFrame: 0.02).words.map(\.confidence) == [0])
    }

    @Test func brokenRowsAreUsageErrors() {
        #expect(throws: UsageError.self) { try BestPath(logits: [1, 2, 3], vocabularySize: 2) }
        #expect(throws: UsageError.self) { try BestPath(logits: [], vocabularySize: 0) }
        #expect(throws: UsageError.self) { try BestPath(ids: [1], probabilities: []) }
    }

    @Test func confidenceIsTheMeanOverTheFramesOfTheCharacters() throws {
        let path = try BestPath(ids: [1, 1, 0, 2, 3, 1], probabilities: [0.5, 1, 0.125, 0.75, 0.25, .nan])
        let transcript = tokenizer.transcript(of: path, secondsPerFrame: 0.5)
        #expect(
            transcript.words == [
                TimedText(text: "ab", start: 0, end: 2, confidence: 0.75),
                TimedText(text: "a", start: 2.5, end: 3, confidence: 0),
            ])
        #expect(transcript.characters.map(\.text) == ["a", "b", " ", "a"])
        #expect(transcript.characters.map(\.confidence) == [0.75, 0.75, 0.25, 0])
        #expect(transcript.text == "ab a")
    }

    @Test func noFramesGiveAnEmptyTranscript() throws {
        let path = try BestPath(logits: [], vocabularySize: 4)
        #expect(tokenizer.transcript(of: path, secondsPerFrame: 0.02) == Transcript(text: ""))
    }
}
