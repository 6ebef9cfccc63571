import Backends
import TensorEngine
import Testing
import XLSR

@Suite struct DemoTranscriptTests {
    @Test(arguments: GoldenDevices.all.filter { $0.description != "reference" })
    func everyDeviceHearsWhatTransformersHears(device: GoldenDevice) throws {
        let model = try XLSRModel.demo(on: device.backend)
        #expect(Demo.recordingNames.count == 6)
        let clips = try Demo.recordingNames.map { try Demo.recording(named: $0) }
        let transcripts = try model.transcribe(clips)
        for (name, transcript) in zip(Demo.recordingNames, transcripts) {
            #expect(transcript.text == Demo.transcript(ofRecording: name), "\(name) on \(device)")
            #expect(transcript.words.map(\.text).joined(separator: " ") == transcript.text)
            #expect(transcript.words.allSatisfy { 0 < $0.confidence && $0.confidence <= 1 && $0.start < $0.end })
        }
    }

    @Test(arguments: GoldenDevices.all.filter { $0.description != "reference" })
    func theDemosScoresAreThoseOfTransformers(device: GoldenDevice) throws {
        let golden = try Golden("demo")
        let model = try XLSRModel.demo(on: device.backend)
        let clip = try Demo.recording(named: #require(golden.metadata["recording"]))
        let output = try model.outputs(of: [clip])
        try golden.compare(#require(output.logits).floats(), "logits.0", device)
        try golden.compare(output.states.floats(), "last_hidden_state.0", device)
    }

    @Test(arguments: [Precision.bfloat16, .float16, .int8], GoldenDevices.registered)
    func smallerWeightsHearTheSame(precision: Precision, device: Device) throws {
        guard let backend = try? BackendRegistry.open(device) else { return }
        let model = try XLSRModel.demo(on: backend, precision: precision)
        // The reference is slow: one recording.
        for name in device == .reference ? ["digits-1-george.wav"] : Demo.recordingNames {
            let clip = try Demo.recording(named: name)
            let text = try model.transcribe(clip.samples, sampleRate: clip.sampleRate).text
            #expect(text == Demo.transcript(ofRecording: name), "\(name) as \(precision.weights) on \(device)")
        }
        // 786,432 numbers in the encoder's matrices, 145,000 in the others, 50 kB of float32 vectors. 65,536 of the
        // others are groups of 8 columns, which panels of AVX-512 pad to 32, two bytes a number. The reference computes
        // with rounded float32.
        let mostByteCount = precision == .int8 ? 1_670_000 : 2_420_000
        let used = backend.pool.statistics.usedByteCount
        #expect(device == .reference || used < mostByteCount, "\(used) bytes on \(device)")
    }
}
