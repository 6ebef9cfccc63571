import TensorEngine
import Testing
import XLSR

@Suite struct DemoTests {
    @Test func theBundledCheckpointOpensFromMemory() throws {
        let memories = Demo.memories()
        #expect(
            memories.keys.sorted() == [
                "README.md", "config.json", "model.safetensors", "preprocessor_config.json", "special_tokens_map.json",
                "tokenizer_config.json", "vocab.json",
            ])
        let files = CheckpointFiles(memories, path: "demo")
        let tensors = try CheckpointTensors(files)
        let parameterCount = try tensors.names.map { try tensors.tensor(named: $0).shape.count }.reduce(0, +)
        #expect(parameterCount == 939_941, "as the model card says")
        #expect(tensors.shape(of: "lm_head.weight") == [37, 128])
        #expect(try files.contents(of: "config.json")?.first == UInt8(ascii: "{"))
    }

    @Test func theWeightsAreReadInPlaceAndAligned() throws {
        let memory = try #require(Demo.memories()["model.safetensors"])
        let addresses = try (0..<2).map { _ in
            try memory.withUnsafeBytes { try #require($0.baseAddress.map { UInt(bitPattern: $0) }) }
        }
        #expect(addresses[0] == addresses[1] && addresses[0] % 64 == 0)
        let tensors = try CheckpointTensors(CheckpointFiles(Demo.memories(), path: "demo"))
        #expect(try tensors.tensor(named: "lm_head.bias").memory === memory)
    }

    @Test(arguments: [
        ("digits-1-george.wav", 43_796, 3), ("digits-2-jackson.wav", 65_551, 5), ("digits-3-lucas.wav", 113_389, 7),
        ("digits-4-nicolas.wav", 62_103, 5), ("digits-5-theo.wav", 64_274, 6), ("digits-6-yweweler.wav", 111_188, 10),
    ])
    func recordingsDecode(name: String, sampleCount: Int, wordCount: Int) throws {
        let clip = try Demo.recording(named: name)
        #expect(clip.sampleRate == 16_000)
        #expect(clip.samples.count == sampleCount)
        #expect(try #require(clip.samples.map(abs).max()) > 0.1, "not silence")
        #expect(Demo.transcript(ofRecording: name)?.split(separator: " ").count == wordCount)
    }

    @Test func recordingsAreListedAndOthersRefused() {
        #expect(Demo.recordingNames.count == 6)
        #expect(Demo.recordingNames.first == "digits-1-george.wav")
        #expect(Demo.transcript(ofRecording: "digits-1-george.wav") == "three one four")
        #expect(Demo.transcript(ofRecording: "long.wav") == nil)
        for name in ["", "long.wav", "README.md", "../model/config.json"] {
            let error = #expect(throws: UsageError.self) { try Demo.recording(named: name) }
            #expect(error?.description.contains("digits-6-yweweler.wav") == true, "says what there is")
        }
    }

    @Test func cardsNameTheSourceAndTheLicence() {
        for card in [Demo.modelCard, Demo.recordingsCard] {
            for phrase in ["CC BY-SA 4.0", "Free Spoken Digit Dataset", "Zohar Jackson", "Changes made:"] {
                #expect(card.contains(phrase))
            }
        }
    }
}
