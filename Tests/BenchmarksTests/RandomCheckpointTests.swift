import Backends
import Benchmarks
import TensorEngine
import Testing
import XLSR

struct RandomCheckpointTests {
    static func tiny() throws -> Configuration {
        let widths: [JSON] = [.int(12), .int(20)]
        return try Configuration(
            fields: [
                "model_type": .string("wav2vec2"), "architectures": .array([.string("Wav2Vec2ForCTC")]),
                "hidden_size": .int(24), "num_hidden_layers": .int(2), "num_attention_heads": .int(3),
                "intermediate_size": .int(36), "conv_bias": .bool(true), "feat_extract_norm": .string("layer"),
                "do_stable_layer_norm": .bool(true), "vocab_size": .int(7), "conv_dim": .array(widths),
                "conv_kernel": .array([.int(10), .int(3)]), "conv_stride": .array([.int(5), .int(2)]),
                "num_conv_pos_embeddings": .int(8), "num_conv_pos_embedding_groups": .int(4),
            ], path: "tiny")
    }

    @Test func aModelFindsEveryTensorThatItNeedsAndNoOther() throws {
        let configuration = try Self.tiny()
        let checkpoint = CheckpointTensors([RandomCheckpoint(configuration, name: "tiny")], path: "tiny")
        let model = try XLSRModel(
            checkpoint, name: "tiny", configuration: configuration, featureExtractor: FeatureExtractorSettings(),
            tokenizer: .failure(UsageError("none")), on: BackendRegistry.open(.simd))
        let samples = RandomFloats.floats(count: 1000, seed: 1, scale: 0.5)
        let logits = try model.logits(of: samples, sampleRate: 16_000)
        #expect(logits.shape == [configuration.frameCount(samples: 1000), 7])
        let values = try logits.floats()
        #expect(values.allSatisfy { $0.isFinite && $0.magnitude < 100 })
        #expect(Set(values).count > values.count / 2)
    }

    @Test(arguments: [(ModelShape.small, 315_503_296), (.medium, 962_578_112), (.large, 2_159_380_672)])
    func shapesHaveAsManyParametersAsInTransformers(shape: ModelShape, count: Int) throws {
        let checkpoint = RandomCheckpoint(try shape.configuration, name: "random")
        #expect(checkpoint.tensorNames.reduce(0) { $0 + (checkpoint.shape(of: $1)?.count ?? 0) } == count)
    }

    @Test func tensorsAreTheSameEachTimeAndDifferByName() throws {
        let checkpoint = RandomCheckpoint(try Self.tiny(), name: "tiny")
        func values(_ name: String) throws -> [Float] {
            try checkpoint.tensor(named: "wav2vec2.encoder.layers.\(name)").floats()
        }
        let query = try values("0.attention.q_proj.weight")
        #expect(try values("0.attention.q_proj.weight") == query)
        #expect(try values("0.attention.k_proj.weight") != query)
        #expect(try values("0.layer_norm.weight").allSatisfy { (0.9...1.1).contains($0) })
    }

    @Test(arguments: [0, 1, 15, 16, 17, 65_535, 65_536, 65_537, 200_003])
    func randomFloatsFillTheirRangeWhateverTheirCount(count: Int) {
        let values = RandomFloats.floats(count: count, seed: 7, scale: 2)
        #expect(values.count == count)
        #expect(values.allSatisfy { (-2...2).contains($0) })
        // Nearly all differ, also across the chunks that are made apart.
        #expect(Set(values).count >= count - count / 20)
        guard count > 60_000 else { return }
        let mean = values.reduce(0, +) / Float(count)
        let variance = values.reduce(0) { $0 + $1 * $1 } / Float(count)
        #expect(mean.magnitude < 0.02)
        #expect((variance - 4 / 3).magnitude < 0.03)
    }
}
