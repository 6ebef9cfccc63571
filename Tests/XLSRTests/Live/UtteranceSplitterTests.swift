import TensorEngine
import Testing
import XLSR

@Suite struct UtteranceSplitterTests {
    private typealias Utterance = UtteranceSplitter.Utterance
    private static let rate = 16_000

    /// Noise as loud as a quiet room (−60 dB of full scale).
    private func silence(_ seconds: Double) -> [Float] {
        var random = RandomSource(seed: UInt64(seconds * 1000))
        return random.floats(Int(seconds * Double(Self.rate)), scale: 0.001)
    }

    private func tone(_ seconds: Double) -> [Float] {
        (0..<Int(seconds * Double(Self.rate))).map { $0 % 80 < 40 ? 0.3 : -0.3 }
    }

    private func utterances(
        _ samples: [Float], block: Int = 1024, pauseSeconds: Double = 0.6, longestSeconds: Double = 30
    ) -> [Utterance] {
        var splitter = UtteranceSplitter(
            sampleRate: Self.rate, pauseSeconds: pauseSeconds, longestSeconds: longestSeconds)
        var utterances: [Utterance] = []
        for start in stride(from: 0, to: samples.count, by: block) {
            utterances += splitter.add(samples[start..<min(start + block, samples.count)])
        }
        return utterances + [splitter.finish()].compactMap { $0 }
    }

    /// Each is a part of the stream, where it says so, and they don't overlap.
    private func expectParts(_ utterances: [Utterance], of samples: [Float]) {
        var end = 0
        for utterance in utterances {
            let start = Int((utterance.start * Double(Self.rate)).rounded())
            #expect(start >= end)
            end = start + utterance.clip.samples.count
            #expect(end <= samples.count && utterance.clip.samples == Array(samples[start..<end]))
            #expect(utterance.clip.sampleRate == Self.rate)
        }
    }

    @Test func eachRecordingBetweenPausesIsHeardAsItIsAlone() throws {
        let recordings = try Demo.recordingNames.map { try Demo.recording(named: $0).samples }
        let samples = recordings.reduce(silence(2)) { $0 + $1 + silence(1.5) }
        let utterances = utterances(samples, pauseSeconds: 1)
        expectParts(utterances, of: samples)
        let model = try XLSRModel.demo(device: .simd)
        let texts = try model.transcribe(utterances.map(\.clip)).map(\.text)
        #expect(texts == Demo.recordingNames.map { Demo.transcript(ofRecording: $0) ?? "" })
    }

    @Test(arguments: [1, 319, 320, 321, 5000, 1_000_000]) func cutsDontDependOnHowSamplesCome(block: Int) {
        let samples = tone(0.7) + silence(0.9) + tone(2) + silence(0.3) + tone(5) + silence(4) + tone(0.33)
        let (whole, parts) = (utterances(samples), utterances(samples, block: block))
        #expect(whole.count == 3)
        #expect(parts.map(\.clip) == whole.map(\.clip) && parts.map(\.start) == whole.map(\.start))
        expectParts(parts, of: samples)
    }

    @Test func anUtteranceEndsWithAPauseAndKeepsHalfOfIt() {
        let samples = silence(3) + tone(1) + silence(3)
        var splitter = UtteranceSplitter(sampleRate: Self.rate)
        let end = Int(4.7 * Double(Self.rate))
        let found = splitter.add(samples[..<end])
        #expect(found.count == 1, "0.7 s after the sound it has come")
        #expect(splitter.add(samples[end...]).isEmpty && splitter.finish() == nil)
        guard let utterance = found.first else { return }
        #expect((2.6...3.01).contains(utterance.start))
        let seconds = utterance.start + utterance.clip.seconds
        #expect((4.25...4.35).contains(seconds), "half of the pause of 0.6 s")
    }

    @Test func silenceAndClicksAreNoUtterances() {
        #expect(utterances(Array(repeating: 0, count: 50 * Self.rate)).isEmpty)
        let clicks = (0..<20).flatMap { _ in silence(1) + tone(0.05) }
        #expect(utterances(tone(1) + clicks).count == 1)
        #expect(utterances([]).isEmpty)
    }

    /// A room's noise isn't known for silence before anything else was heard, but is when half a minute of it follows.
    @Test func longSilenceStaysSilent() {
        let samples = tone(2) + silence(100) + tone(1) + silence(1)
        let utterances = utterances(samples)
        #expect(utterances.count == 2)
        expectParts(utterances, of: samples)
    }

    @Test func whoNeverPausesIsCut() {
        let samples = tone(25) + silence(0.3) + tone(20)
        let found = utterances(samples, longestSeconds: 30)
        expectParts(found, of: samples)
        #expect(found.count == 2)
        #expect(found.first.map { (25.0...25.3).contains($0.clip.seconds) } == true, "in the silence that there is")
        let steady = utterances(tone(10), longestSeconds: 3)
        expectParts(steady, of: tone(10))
        #expect(steady.reduce(0) { $0 + $1.clip.samples.count } == 10 * Self.rate, "nothing is lost")
        #expect(steady.allSatisfy { $0.clip.seconds <= 3.1 })
    }

    @Test func afterTheEndItBeginsAnew() {
        var splitter = UtteranceSplitter(sampleRate: Self.rate)
        #expect(splitter.add(tone(1.005)).isEmpty)
        #expect(splitter.finish()?.clip.samples.count == tone(1.005).count, "with what is no whole frame")
        #expect(splitter.add(tone(1)).isEmpty)
        #expect(splitter.finish()?.clip.samples == tone(1))
    }
}
