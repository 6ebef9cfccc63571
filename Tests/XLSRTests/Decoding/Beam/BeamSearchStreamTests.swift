import Testing
import XLSR

@Suite struct BeamSearchStreamTests {
    private let golden: BeamGolden

    init() throws { golden = try BeamGolden.all.get() }

    /// Feeds scores in pieces of `size` frames.
    private func stream(
        _ decoder: BeamSearchDecoder, _ scores: [Float], piece size: Int, _ rule: EndOfUtteranceRule? = nil
    ) throws -> [StreamingTranscript] {
        var stream = BeamSearchStream(decoder, secondsPerFrame: 0.02, endOfUtterance: rule)
        var results: [StreamingTranscript] = []
        let step = size * decoder.alphabet.count
        for start in stride(from: 0, to: scores.count, by: step) {
            results += try stream.append(Array(scores[start..<min(start + step, scores.count)]))
        }
        return results + [stream.finish()].compactMap { $0 }
    }

    private func finals(_ results: [StreamingTranscript]) -> [Transcript] {
        results.compactMap { if case .final(let transcript) = $0 { transcript } else { nil } }
    }

    @Test(arguments: [1, 5, 17, 100])
    func piecesGiveTheWhole(frames: Int) throws {
        for golden in golden.cases where golden.frames > 0 && (golden.alphabet == "demo" || golden.offset % 3 == 0) {
            let decoder = try self.golden.decoder(golden)
            let scores = try self.golden.scores(golden, columns: decoder.alphabet.count)
            let whole = Transcript(try decoder.decode(scores, .logits), secondsPerFrame: 0.02)
            #expect(finals(try stream(decoder, scores, piece: frames)) == [whole])
        }
    }

    @Test func whatIsStableStays() throws {
        var stableCount = 0
        for golden in golden.cases {
            let decoder = try self.golden.decoder(golden)
            let results = try stream(decoder, self.golden.scores(golden, columns: decoder.alphabet.count), piece: 2)
            var last = ""
            for result in results {
                switch result {
                case .partial(let stable, let text):
                    #expect(stable.unicodeScalars.starts(with: last.unicodeScalars))
                    #expect(text.unicodeScalars.starts(with: stable.unicodeScalars))
                    last = stable
                    if !stable.isEmpty { stableCount += 1 }
                case .final(let transcript): #expect(transcript.text.unicodeScalars.starts(with: last.unicodeScalars))
                }
            }
        }
        #expect(stableCount > 1000)
    }

    @Test func silenceEndsUtterancesWhateverThePieces() throws {
        let golden = try #require(golden.cases.first { $0.alphabet == "demo" })
        let alphabet = try self.golden.alphabet(golden)
        let decoder = try BeamSearchDecoder(alphabet: alphabet)
        let spoken = try self.golden.scores(golden, columns: alphabet.count)
        let blank = try #require(alphabet.labels.firstIndex(of: ""))
        let silence = (0..<60).flatMap { _ in (0..<alphabet.count).map { $0 == blank ? Float(9) : 0 } }
        let scores = silence + spoken + silence + spoken + silence
        let rule = EndOfUtteranceRule(trailingSilenceSeconds: 0.8)
        let whole = finals(try stream(decoder, scores, piece: 10_000, rule))
        #expect(whole.count == 3, "two utterances and what silence is left")
        #expect(whole[0].text == (try decoder.decode(spoken)[0].text) && whole[0].text == whole[1].text)
        #expect(whole[2].text.isEmpty)
        let offset = Double(golden.frames + 60) * 0.02
        for (first, second) in zip(whole[0].words, whole[1].words) {
            #expect(abs(second.start - first.start - offset) < 1e-9)
        }
        for piece in [1, 5, 33] { #expect(finals(try stream(decoder, scores, piece: piece, rule)) == whole) }
        #expect(finals(try stream(decoder, scores, piece: 7)).count == 1, "no rule, no end")
    }

    @Test func nothingHeardIsNothingToTell() throws {
        var stream = BeamSearchStream(
            try BeamSearchDecoder(alphabet: BeamAlphabet(vocabulary: ["<pad>", "a"])), secondsPerFrame: 0.02)
        #expect(try stream.append([]).isEmpty && stream.finish() == nil)
        #expect(throws: UsageError.self) { try stream.append([1]) }
        #expect(try stream.append([0, 9]) == [.partial(stable: "a", text: "a")])
    }

    /// Noise makes so many hypotheses that the search's trees are cleaned many times; a stream that is cleaned at other
    /// frames than another would show it.
    @Test func cleaningUpChangesNothing() throws {
        let decoder = try BeamSearchDecoder(alphabet: BeamAlphabet(vocabulary: ["<pad>", "|", "a", "b", "c"]))
        var state: UInt32 = 1
        let noise = (0..<1000 * decoder.alphabet.count).map { _ -> Float in
            state = state &* 1_664_525 &+ 1_013_904_223
            return Float(state >> 24) / 32
        }
        let (whole, nodeCount) = try decoder.decodeCountingNodes(noise)
        let (uncleaned, allNodes) = try decoder.decodeCountingNodes(noise, leastNodeLimit: .max)
        #expect(whole == uncleaned)
        #expect(nodeCount < allNodes / 2, "\(nodeCount) of \(allNodes)")
    }

    @Test func anAsyncSequenceOfScoresBecomesOneOfTranscripts() async throws {
        let golden = try #require(golden.cases.first { $0.alphabet == "demo" })
        let decoder = try self.golden.decoder(golden)
        let scores = try self.golden.scores(golden, columns: decoder.alphabet.count)
        let pieces = AsyncStream<[Float]> { continuation in
            for start in stride(from: 0, to: scores.count, by: 50 * decoder.alphabet.count) {
                continuation.yield(Array(scores[start..<min(start + 50 * decoder.alphabet.count, scores.count)]))
            }
            continuation.finish()
        }
        var results: [StreamingTranscript] = []
        for try await result in decoder.transcripts(of: pieces, secondsPerFrame: 0.02) { results.append(result) }
        #expect(results == (try stream(decoder, scores, piece: 50)))
        #expect(results.count > 2)
    }
}
