import Testing
import XLSR

struct OperationCountTests {
    private static func configuration(_ extra: [String: JSON]) throws -> Configuration {
        let fields: [String: JSON] = [
            "model_type": .string("wav2vec2"), "architectures": .array([.string("Wav2Vec2ForCTC")]),
        ]
        return try Configuration(fields: fields.merging(extra) { $1 }, path: "test")
    }

    /// PyTorch's `FlopCounterMode` counts 383.92 GFLOP in transformers' model of this shape, with one frame more in the
    /// positional convolution, which is dropped.
    @Test func tenSecondsOfThe300MShape() throws {
        let shape = try Self.configuration([
            "hidden_size": .int(1024), "num_hidden_layers": .int(24), "num_attention_heads": .int(16),
            "intermediate_size": .int(4096), "vocab_size": .int(64),
        ])
        let count = shape.floatingPointOperationCount(samples: 160_000)
        #expect((count / 1e9 - 383.90).magnitude < 0.01)
    }

    @Test func aModelThatFitsOnPaper() throws {
        let model = try Self.configuration([
            "conv_dim": .array([.int(3)]), "conv_kernel": .array([.int(4)]), "conv_stride": .array([.int(4)]),
            "hidden_size": .int(2), "num_hidden_layers": .int(1), "num_attention_heads": .int(1),
            "intermediate_size": .int(5), "vocab_size": .int(7), "num_conv_pos_embeddings": .int(6),
            "num_conv_pos_embedding_groups": .int(1),
        ])
        // Two frames: convolution, projection, positions, four projections, two feed-forward, scores and mix, head.
        let multiplyAdds =
            2 * 3 * 4 + 2 * 3 * 2 + 2 * 2 * 2 * 6 + 4 * 2 * 2 * 2 + 2 * 2 * 2 * 5 + 2 * 2 * 2 * 2 + 2 * 2 * 7
        #expect(model.floatingPointOperationCount(samples: 8) == Double(2 * multiplyAdds))
        #expect(model.floatingPointOperationCount(samples: 3) == 0)
    }
}
