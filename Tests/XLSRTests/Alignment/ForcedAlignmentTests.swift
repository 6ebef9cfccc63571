import Testing
import XLSR

/// The score of the best path, by the whole table in the plainest way.
private func bestScore(_ scores: [Float], vocabularySize: Int, tokens: [Int], blank: Int) -> Double {
    let states = [blank] + tokens.flatMap { [$0, blank] }
    func score(_ frame: Int, _ state: Int) -> Double {
        states[state] == ForcedAlignment.star ? 0 : Double(scores[frame * vocabularySize + states[state]])
    }
    var row = states.indices.map { $0 < 2 ? score(0, $0) : -.infinity }
    for frame in 1..<scores.count / vocabularySize {
        row = states.indices.map { state in
            var best = max(row[state], state > 0 ? row[state - 1] : -.infinity)
            if state > 2, state % 2 == 1, states[state] != states[state - 2] { best = max(best, row[state - 2]) }
            return best + score(frame, state)
        }
    }
    return max(row[row.count - 1], row[row.count - 2])
}

private struct AlignmentCase {
    let vocabularySize, blank: Int
    let tokens: [Int]
    let scores: [Float]

    /// As Fixtures/make_alignments.py draws it.
    init(seed: Int) {
        var random = FixtureRandom(seed: seed)
        vocabularySize = 2 + random.below(7)
        let count = 1 + random.below(24)
        let blank = random.below(vocabularySize)
        self.blank = blank
        var tokens: [Int] = []
        for _ in 0..<count {
            let token = random.below(vocabularySize - 1)
            tokens.append(token + (token >= blank ? 1 : 0))
        }
        let frameCount =
            ForcedAlignment.frameCount(for: tokens) + random.below(seed.isMultiple(of: 5) ? 4 : 60)
        scores = (0..<frameCount * vocabularySize).map { _ in random.logProbability() }
        if seed.isMultiple(of: 3) { tokens[random.below(count)] = ForcedAlignment.star }
        self.tokens = tokens
    }

    func alignment(segmentFrames: Int? = nil) throws -> ForcedAlignment {
        try ForcedAlignment(
            logProbabilities: scores, vocabularySize: vocabularySize, tokens: tokens, blank: blank,
            segmentFrames: segmentFrames)
    }
}

@Suite struct ForcedAlignmentTests {
    @Test func pathsAreThoseOfTorchaudio() throws {
        let cases = try #require(fixture("alignments.json")["cases"]?.array)
        #expect(cases.count == 150)
        for golden in cases {
            let seed = try #require(golden["seed"]?.int)
            let drawn = AlignmentCase(seed: seed)
            let tokens = try #require(golden["tokens"]?.array).compactMap(\.int)
            try #require(zip(drawn.tokens, tokens).allSatisfy { $0 == $1 || $0 == ForcedAlignment.star })
            let alignment = try drawn.alignment()
            #expect(alignment.path == golden["path"]?.array?.compactMap(\.int), "seed \(seed)")
            #expect(abs(alignment.logProbability - (golden["score"]?.double ?? 0)) < 1e-6)
            let spelled = alignment.spans.map { span in Set(alignment.path[span]) }
            #expect(spelled == drawn.tokens.map { [$0] })
            for (span, next) in zip(alignment.spans, alignment.spans.dropFirst()) {
                #expect(span.upperBound <= next.lowerBound)
            }
        }
    }

    @Test(arguments: [1, 2, 3, 7, 16, 64, 1000])
    func theLengthOfSegmentsChangesNothing(segmentFrames: Int) throws {
        for seed in 200..<260 {
            let drawn = AlignmentCase(seed: seed)
            let alignment = try drawn.alignment(segmentFrames: segmentFrames)
            #expect(try alignment == drawn.alignment(), "seed \(seed)")
            let best = bestScore(
                drawn.scores, vocabularySize: drawn.vocabularySize, tokens: drawn.tokens, blank: drawn.blank)
            #expect(abs(alignment.logProbability - best) < 1e-9)
        }
    }

    @Test func longTextsTakeManySegments() throws {
        var random = FixtureRandom(seed: 7)
        let tokens = (0..<900).map { _ in 1 + random.below(5) }
        let scores = (0..<6 * 3000).map { _ in random.logProbability() }
        let alignment = try ForcedAlignment(logProbabilities: scores, vocabularySize: 6, tokens: tokens, blank: 0)
        let best = bestScore(scores, vocabularySize: 6, tokens: tokens, blank: 0)
        #expect(abs(alignment.logProbability - best) < 1e-8)
        let sum = alignment.path.enumerated().reduce(0.0) { $0 + Double(scores[$1.offset * 6 + $1.element]) }
        #expect(abs(alignment.logProbability - sum) < 1e-8)
    }

    @Test func ofEquallyGoodPathsItAlwaysTakesTheSame() throws {
        func path(_ tokens: [Int], frames: Int) throws -> [Int] {
            try ForcedAlignment(
                logProbabilities: Array(repeating: -1, count: 3 * frames), vocabularySize: 3, tokens: tokens, blank: 0
            ).path
        }
        #expect(try path([1, 2], frames: 6) == [1, 2, 2, 2, 2, 2])
        #expect(try path([1, 1, 2], frames: 6) == [1, 0, 1, 2, 2, 2])
    }

    @Test func scoresThatAreNoNumbersStillGiveAPath() throws {
        for value in [Float.nan, .infinity, -.infinity] {
            let scores = Array(repeating: value, count: 3 * 9)
            let alignment = try ForcedAlignment(
                logProbabilities: scores, vocabularySize: 3, tokens: [1, 2, 2], blank: 0)
            #expect(alignment.spans.allSatisfy { !$0.isEmpty } && alignment.path.count == 9)
        }
    }

    @Test func impossibleRequestsSayWhatIsWrong() throws {
        func align(_ tokens: [Int], frames: Int = 4, blank: Int = 0) throws {
            _ = try ForcedAlignment(
                logProbabilities: Array(repeating: -1, count: 3 * frames), vocabularySize: 3, tokens: tokens,
                blank: blank)
        }
        #expect(throws: Never.self) { try align([1, 1, 2]) }
        let empty = #expect(throws: TextError.self) { try align([]) }
        #expect(empty?.kind == .empty)
        let long = #expect(throws: TextError.self) { try align([1, 1, 1]) }
        #expect(long?.kind == .tooLong && long?.detail == "needs at least 5 frames, but the audio has 4")
        #expect(throws: TextError.self) { try align([1], frames: 0) }
        let unknown = #expect(throws: UsageError.self) { try align([1, 3]) }
        #expect(unknown?.description.contains("use ForcedAlignment.star") == true)
        #expect(throws: UsageError.self) { try align([1, 0]) }
        #expect(throws: UsageError.self) { try align([1], blank: 3) }
        #expect(throws: UsageError.self) {
            try ForcedAlignment(logProbabilities: [1, 2], vocabularySize: 3, tokens: [1], blank: 0)
        }
        #expect(throws: UsageError.self) {
            try ForcedAlignment(logProbabilities: [], vocabularySize: 0, tokens: [1], blank: 0)
        }
    }
}
