import Backends
import CPUBackends
import InstructionEmulation
import TensorEngine
import Testing
import XLSR

/// `simd` with AMX, whose instructions are emulated where the processor lacks them.
private let tiles: CPUBackend? = {
    emulate_missing_instructions()
    var options = CPUOptions(instructionSet: .amx)
    options.emulatesInstructions = true
    return try? CPUBackend.simd(options)
}()

/// Models on AMX tiles.
@Suite(.serialized, .enabled(if: tiles != nil, "neither tiles nor AVX2")) struct TileModelTests {
    @Test(arguments: [Precision.bfloat16, .int8])
    func theDemoHearsTheSame(precision: Precision) throws {
        let model = try XLSRModel.demo(on: #require(tiles), precision: precision)
        for name in Demo.recordingNames {
            let clip = try Demo.recording(named: name)
            let text = try model.transcribe(clip.samples, sampleRate: clip.sampleRate).text
            #expect(text == Demo.transcript(ofRecording: name), "\(name) as \(precision.weights)")
        }
    }

    /// Rounded activations add about as much to the error as rounded weights have brought.
    @Test(arguments: ["layer-stable", "group-post", "heads-80", "adapter-ctc"], [Precision.float32, .bfloat16, .int8])
    func modelsDifferFromTransformersByWhatTheirPrecisionCosts(variant: String, precision: Precision) throws {
        let golden = try Golden(variant)
        let plain = try CPUBackend.simd(CPUOptions(instructionSet: .avx2))
        let errors = try [plain, #require(tiles)].map { backend in
            let model = try XLSRModel.load(golden.folder, on: backend, precision: precision)
            let states = try model.outputs(of: [golden.clip(0, model)]).states.floats()
            let expected = try golden.tensors.tensor(named: "last_hidden_state.0").floats()
            return largestDifference(states, expected) / largest(expected)
        }
        // The largest ratio seen is 2.5, at an error of 0.008.
        #expect(errors[1] <= 4 * errors[0], "\(errors[0]) without tiles, \(errors[1]) with")
    }
}
