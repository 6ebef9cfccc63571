import TensorEngine
import Testing
import XLSR

@Suite struct SilenceTests {
    private let model: XLSRModel

    init() throws {
        model = try XLSRModel.demo(device: .simd)
    }

    /// The bundled recordings again and again with pauses between them, and where the pauses are, in samples.
    private func speech(seconds: Double) throws -> [Float] {
        let recordings = try Demo.recordingNames.map { try Demo.recording(named: $0).samples }
        var samples: [Float] = []
        while Double(samples.count) < seconds * 16_000 { samples += recordings.flatMap { $0 } }
        return samples
    }

    private func chunks(_ samples: [Float], _ chunking: Chunking) throws -> [Chunk] {
        try chunking.chunks(
            splittingAtSilencesOf: Loudness(samples, hop: 320), sampleCount: samples.count, sampleRate: 16_000,
            model.configuration)
    }

    /// Every frame of the whole audio once, from chunks that are not too long.
    private func expectWhole(_ chunks: [Chunk], _ sampleCount: Int, atMost limit: Int) {
        var next = 0
        for chunk in chunks {
            #expect(chunk.samples.count <= limit && chunk.samples.lowerBound.isMultiple(of: 320))
            #expect(chunk.samples.lowerBound / 320 + chunk.frames.lowerBound == next)
            #expect(chunk.frames.upperBound <= model.configuration.frameCount(samples: chunk.samples.count))
            next = chunk.samples.lowerBound / 320 + chunk.frames.upperBound
        }
        #expect(next == model.configuration.frameCount(samples: sampleCount))
    }

    @Test func noCutFallsIntoAWord() throws {
        let samples = try speech(seconds: 20)
        let words = try model.transcribe(samples, sampleRate: 16_000, chunking: .none).words
        let chunks = try chunks(samples, Chunking(seconds: 4))
        #expect(chunks.count >= 8)
        expectWhole(chunks, samples.count, atMost: 4 * 16_000)
        for chunk in chunks.dropFirst() {
            #expect(chunk.frames.lowerBound == 0, "nothing is computed twice")
            let cut = Double(chunk.samples.lowerBound) / 16_000
            #expect(!words.contains { $0.start - 0.05 < cut && cut < $0.end + 0.05 }, "\(cut)")
        }
    }

    @Test func theTextIsThatOfTheWholeAudio() throws {
        let samples = try speech(seconds: 20)
        let expected = try Demo.recordingNames.map { try #require(Demo.transcript(ofRecording: $0)) }
        let count = samples.count / (try speech(seconds: 1).count)
        let text = Array(repeating: expected.joined(separator: " "), count: count).joined(separator: " ")
        func errors(_ chunking: Chunking) throws -> Int {
            let heard = try model.transcribe(samples, sampleRate: 16_000, chunking: chunking)
            #expect(!heard.text.contains("  "))
            return WordAlignment(reference: text, hypothesis: heard.text).counts.errors
        }
        for seconds in [6.0] {
            let (fixed, silent) = (Chunking(seconds: seconds), Chunking(seconds: seconds, split: .silence))
            #expect(try errors(silent) <= errors(fixed) + 2, "of \(count * 36) words")
        }
    }

    @Test func withoutSilencesChunksOverlapAsUsual() throws {
        var random = FixtureRandom(seed: 1)
        let noise = (0..<40 * 16_000).map { _ in Float(random.below(1000)) / 1000 - 0.5 }
        let chunks = try chunks(noise, Chunking(seconds: 12, strideSeconds: 2))
        expectWhole(chunks, noise.count, atMost: 12 * 16_000)
        #expect(chunks.dropFirst().allSatisfy { $0.frames.lowerBound == 100 })
        #expect(chunks.count == 5, "40 s in steps of 8 s")
    }

    @Test func oddSizesStillGiveEveryFrameOnce() throws {
        let all = try speech(seconds: 30)
        for (count, seconds, stride) in [
            (16_000, 0.06, 0.0), (30_001, 0.5, 0.1), (100_399, 1.3, 0.0), (100_400, 3, 1.4), (399, 1, 0), (320, 5, 1),
            (480_000, 29.99, 5),
        ] {
            let samples = Array(all.prefix(count))
            let chunking = Chunking(seconds: seconds, strideSeconds: stride)
            let chunks = try chunks(samples, chunking)
            expectWhole(chunks, count, atMost: Int((seconds * 50).rounded()) * 320)
        }
        #expect(throws: UsageError.self) { try chunks(all, Chunking(seconds: 2, strideSeconds: 1)) }
    }

    @Test func shortAudioIsNotCut() throws {
        let samples = try speech(seconds: 20)
        var chunking = Chunking.automatic
        chunking.split = .silence
        #expect(try chunks(samples, chunking).count == 1)
    }

    @Test func loudnessIsInDecibelsOfFullScale() {
        let square = (0..<640).map { $0 % 2 == 0 ? Float(1) : -1 }
        let levels = Loudness(square.map { $0 / 10 } + Array(repeating: 0.5, count: 330), hop: 320).levels
        #expect(levels.count == 4, "with what is left over")
        #expect(abs(levels[0] + 20) < 0.01 && levels[2] == -100 && levels[3] == -100, "an offset is silent")
        #expect(Loudness([], hop: 320).levels.isEmpty)
        #expect(Loudness([.nan, 1], hop: 320).levels == [0])
    }

    @Test func speechIsWhereWordsAreAndSoundAroundThem() throws {
        // A tone from 1 s to 2 s with a word in its middle, and one from 3 s to 4 s without.
        let samples = (0..<80_000).map { index in
            [1, 3].contains(index / 16_000) ? (index % 20 < 10 ? Float(0.5) : -0.5) : 0
        }
        let activity = VoiceActivity(Loudness(samples, hop: 320), secondsPerFrame: 0.02)
        func word(_ start: Double, _ end: Double) -> TimedText {
            TimedText(text: "a", start: start, end: end, confidence: 1)
        }
        func speech(_ words: TimedText...) -> [[Double]] {
            activity.speech(around: words, audioSeconds: 5).map { part in
                [part.lowerBound, part.upperBound].map { ($0 * 100).rounded() / 100 }
            }
        }
        #expect(speech(word(1.2, 1.8)) == [[1, 2]])
        #expect(speech(word(1.5, 1.52)) == [[1.2, 1.82]], "by 0.3 s at most")
        #expect(speech(word(1.2, 1.3), word(1.7, 1.8)) == [[1, 2]])
        #expect(speech(word(1.6, 1.8), word(2.4, 2.5)) == [[1.3, 2], [2.4, 2.5]])
        #expect(speech(word(0.2, 0.3), word(0.5, 0.6)) == [[0.2, 0.6]], "no pause")
        #expect(speech(word(4.9, 9), word(.nan, 1), word(2, 1)) == [[4.9, 5]])
        #expect(speech().isEmpty)
    }

    @Test func speechOfARecordingBeginsAndEndsWithItsSound() throws {
        // Words with digital silence of 0.5 s around them: what isn't silent is known to the sample.
        let clip = try Demo.recording(named: "digits-6-yweweler.wav")
        let words = try model.transcribe(clip.samples, sampleRate: 16_000).words
        let loud = clip.samples.indices.filter { clip.samples[$0].magnitude > 0.02 }
        let activity = VoiceActivity(Loudness(clip.samples, hop: 320), secondsPerFrame: model.secondsPerFrame)
        let speech = activity.speech(around: words, audioSeconds: clip.seconds)
        let (first, last) = (try #require(speech.first), try #require(speech.last))
        #expect(abs(first.lowerBound - Double(try #require(loud.first)) / 16_000) < 0.06)
        #expect(abs(last.upperBound - Double(try #require(loud.last)) / 16_000) < 0.06)
        for word in words { #expect(speech.contains { $0.lowerBound <= word.start && word.end <= $0.upperBound }) }
    }
}
