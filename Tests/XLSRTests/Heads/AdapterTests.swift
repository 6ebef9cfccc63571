import Backends
import TensorEngine
import Testing
import XLSR

@Suite struct AdapterTests {
    private func model(_ variant: String) throws -> (Golden, XLSRModel) {
        let golden = try Golden(variant)
        return (golden, try golden.model(on: BackendRegistry.open(.simd)))
    }

    @Test(arguments: ["adapter", "adapter-ctc", "xvector-adapter", "layer-stable", "odd-positional"])
    func framesAndSamplesCountEachOther(variant: String) throws {
        let configuration = try model(variant).1.configuration
        let shortest = configuration.minimumSampleCount
        #expect(configuration.outputFrameCount(samples: shortest) == 1)
        #expect(configuration.outputFrameCount(samples: shortest - 1) == 0)
        let (hop, stride) = (configuration.outputHop, configuration.adapterStride)
        #expect(hop == configuration.hop * stride)
        let longer = configuration.outputFrameCount(samples: 1000 * hop + shortest)
        #expect(longer == 1001)
    }

    @Test(arguments: ["adapter", "adapter-ctc"])
    func chunksTileTheAdaptersFrames(variant: String) throws {
        let (golden, model) = try model(variant)
        let samples = try golden.clip(2, model).samples + golden.clip(1, model).samples
        let configuration = model.configuration
        let hop = Double(configuration.outputHop) / 16_000
        for split in Chunking.Split.allCases {
            var chunking = Chunking(seconds: 6 * hop, strideSeconds: hop)
            chunking.split = split
            let features = try model.features(of: samples, sampleRate: 16_000, chunking: chunking)
            let expected = configuration.outputFrameCount(samples: samples.count)
            #expect(abs(features.shape[0] - expected) <= 1, "\(split)")
            #expect(features.shape[1] == configuration.outputSize)
        }
    }

    @Test func timesAreThoseOfTheAdaptersFrames() throws {
        let (golden, model) = try model("adapter-ctc")
        let clip = try golden.clip(2, model)
        #expect(model.secondsPerFrame == 0.01)
        let transcript = try model.transcribe([clip])[0]
        let last = try #require(transcript.characters.last)
        #expect(clip.seconds / 2 < last.end && last.end <= clip.seconds + model.secondsPerFrame)
    }

    @Test(arguments: [
        (nil, nil, true), ("4.17.0", nil, true), ("5.23.0", nil, false), ("5.23.0", true, true), ("4.1", false, false),
    ])
    func whichHiddenStatesAreAveragedDependsOnWhoWroteTheCheckpoint(
        version: String?, tie: Bool?, expected: Bool
    ) throws {
        var fields: [String: JSON] = ["model_type": .string("wav2vec2"), "use_weighted_layer_sum": .bool(true)]
        fields["transformers_version"] = version.map { .string($0) }
        fields["tie_last_hidden_states"] = tie.map { .bool($0) }
        let configuration = try Configuration(fields: fields, path: "config.json")
        #expect(configuration.layerSum?.endsAfterNorm == expected)
    }
}
