import TensorEngine
import Testing
import XLSR

@Suite struct AlignedRecordingTests {
    private let model: XLSRModel

    init() throws {
        model = try XLSRModel.demo(device: .simd)
    }

    /// Words cut out of the bundled recordings, each with some of the silence around it.
    private func words() throws -> [(text: String, samples: [Float])] {
        try Demo.recordingNames.flatMap { name in
            let clip = try Demo.recording(named: name)
            let words = try model.transcribe(clip.samples, sampleRate: clip.sampleRate).words
            // Halfway between two words, on the model's grid.
            let cuts = zip(words, words.dropFirst()).map { Int(($0.end + $1.start) / 2 / 0.02) * 320 }
            return zip(words, zip([0] + cuts, cuts + [clip.samples.count])).map { word, cut in
                (word.text, Array(clip.samples[cut.0..<cut.1]))
            }
        }
    }

    @Test func wordsOfJoinedRecordingsLieWhereTheirRecordingsWereJoined() throws {
        let words = try words()
        #expect(words.count == 36)
        var samples: [Float] = []
        var (expected, bounds): ([TimedText], [ClosedRange<Double>]) = ([], [])
        var random = FixtureRandom(seed: 3)
        for word in words {
            samples += Array(repeating: 0, count: 320 * (5 + random.below(40)))
            let offset = Double(samples.count) / 16_000
            samples += word.samples
            bounds.append(offset...Double(samples.count) / 16_000)
            var alone = try #require(model.align(word.samples, sampleRate: 16_000, text: word.text).words.first)
            (alone.start, alone.end) = (alone.start + offset, alone.end + offset)
            expected.append(alone)
        }
        let text = words.map(\.text).joined(separator: " ")
        for chunking in [Chunking.none, Chunking(seconds: 6), Chunking(seconds: 6, split: .silence)] {
            let aligned = try model.align(samples, sampleRate: 16_000, text: text, chunking: chunking)
            try #require(aligned.words.map(\.text) == words.map(\.text))
            for (word, (expected, bounds)) in zip(aligned.words, zip(expected, bounds)) {
                #expect(abs(word.start - expected.start) <= 0.0401, "\(word) \(expected)")
                #expect(abs(word.end - expected.end) <= 0.0401, "\(word) \(expected)")
                #expect(bounds.lowerBound - 0.04 <= word.start && word.end <= bounds.upperBound + 0.04)
                #expect(word.confidence > 0.5 && word.confidence <= 1)
            }
        }
    }

    @Test func whatTheModelHearsByItselfLiesWhereItHearsIt() throws {
        for name in Demo.recordingNames {
            let clip = try Demo.recording(named: name)
            let heard = try model.transcribe(clip.samples, sampleRate: 16_000)
            let aligned = try model.align(clip.samples, sampleRate: 16_000, text: heard.text)
            #expect(aligned.text == heard.text)
            try #require(aligned.characters.map(\.text) == heard.characters.map(\.text))
            for (word, other) in zip(aligned.words, heard.words) {
                #expect(abs(word.start - other.start) < 0.021 && abs(word.end - other.end) < 0.021)
                #expect(abs(word.confidence - other.confidence) < 0.05)
            }
        }
    }

    @Test func clipsWithTheirTextsShareBatches() throws {
        let clips = try Demo.recordingNames.map { try Demo.recording(named: $0) }
        let texts = Demo.recordingNames.compactMap { Demo.transcript(ofRecording: $0) }
        let together = try model.align(clips, texts: texts)
        for (clip, (text, aligned)) in zip(clips, zip(texts, together)) {
            let alone = try model.align(clip.samples, sampleRate: 16_000, text: text)
            #expect(alone.words.map(\.start) == aligned.words.map(\.start))
        }
        #expect(throws: UsageError.self) { try model.align(clips, texts: ["one"]) }
    }

    @Test func digitsLieWhereTheyAreSaid() throws {
        let clip = try Demo.recording(named: Demo.recordingNames[0])
        let said = try model.align(clip.samples, sampleRate: 16_000, text: "Three, one four.")
        let written = try model.align(clip.samples, sampleRate: 16_000, text: "Three, 1 four.")
        #expect(written.text == "Three, 1 four.")
        for (word, other) in zip(written.words, said.words) {
            #expect(abs(word.start - other.start) < 0.061 && abs(word.end - other.end) < 0.061, "\(word) \(other)")
        }
        #expect(written.words.map { $0.confidence > 0 } == [true, false, true])
    }

    @Test func textsThatDoNotFitSayHow() throws {
        let clip = try Demo.recording(named: Demo.recordingNames[0])
        let text = Array(repeating: "three", count: 60).joined(separator: " ")
        let error = #expect(throws: TextError.self) {
            try model.align(clip.samples, sampleRate: 16_000, text: text)
        }
        #expect(error?.detail == "needs at least 419 frames (8.38 s), but the audio has 136 (2.72 s)")
        let empty = #expect(throws: TextError.self) { try model.align(clip.samples, sampleRate: 16_000, text: "?") }
        #expect(empty?.kind == .empty)
    }
}
