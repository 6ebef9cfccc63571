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
}
