import Backends
import Conformance
import TensorEngine
import Testing
import XLSR

/// Checkpoints and audio that are wrong in one way each: every one is a typed error that names what is wrong.
@Suite struct BadModelTests {
    private let backend: any Backend
    private let golden: Golden

    init() throws {
        backend = try BackendRegistry.open(.simd)
        golden = try Golden("layer-stable")
    }

    private func files() throws -> [String: any HostMemory] {
        let files = try CheckpointFiles(folder: golden.folder)
        return Dictionary(
            uniqueKeysWithValues: try [
                "config.json", "preprocessor_config.json", "vocab.json", "tokenizer_config.json", "model.safetensors",
            ].compactMap { name in try files.memory(of: name).map { (name, $0) } })
    }

    private func load(_ files: [String: any HostMemory]) throws -> XLSRModel {
        try XLSRModel(CheckpointFiles(files, path: "model"), name: "model", on: backend)
    }

    private func error(_ files: [String: any HostMemory]) throws -> CheckpointError {
        try #require(throws: CheckpointError.self) { try load(files) }
    }

    @Test(arguments: [
        ("num_attention_heads", "0"), ("num_attention_heads", "7"), ("num_attention_heads", "\"four\""),
        ("num_hidden_layers", "-1"), ("num_hidden_layers", "1e9"), ("num_hidden_layers", "2.5"),
        ("hidden_size", "0"), ("hidden_size", "9223372036854775807"), ("hidden_size", "[40]"),
        ("intermediate_size", "-40"), ("vocab_size", "0"), ("vocab_size", "99999999999"),
        ("conv_dim", "[]"), ("conv_dim", "8"), ("conv_dim", "[8, 8, 8, 8, 8, 8, 0]"),
        ("conv_kernel", "[10, 3, 3, 3, 3, 2, -2]"), ("conv_kernel", "[10, 3]"),
        ("conv_stride", "[5, 2, 2, 2, 2, 2, 0]"),
        ("conv_stride", "[9999, 9999, 9999, 9999, 9999, 9999, 9999]"), ("feat_extract_norm", "\"batch\""),
        ("hidden_act", "\"mystery\""), ("feat_extract_activation", "3"), ("layer_norm_eps", "\"small\""),
        ("layer_norm_eps", "-1"), ("do_stable_layer_norm", "1"), ("conv_bias", "\"yes\""),
        ("num_conv_pos_embeddings", "0"), ("num_conv_pos_embedding_groups", "3"), ("pad_token_id", "-1"),
        ("model_type", "\"bert\""), ("model_type", "null"), ("architectures", "\"Wav2Vec2ForCTC\""),
        ("add_adapter", "1"), ("adapter_attn_dim", "0"), ("adapter_attn_dim", "\"16\""),
    ])
    func aBadConfigurationFieldIsNamed(field: String, value: String) throws {
        var files = try files()
        let text = String(decoding: try #require(files["config.json"]).withUnsafeBytes { Array($0) }, as: UTF8.self)
        // The field's own value goes: of two equal keys parsers differ on which one counts.
        let others = text.replacing("\"\(field)\":", with: "\"unused_\(field)\":").drop { $0 != "{" }.dropFirst()
        files["config.json"] = ArrayMemory(Array("{\"\(field)\": \(value), \(others)".utf8))
        let error = try error(files)
        #expect(error.kind == .configuration && error.detail.hasPrefix("\(field):"), "\(error)")
        #expect(error.path == "model/config.json")
    }

    @Test func aMissingConfigurationIsNamed() throws {
        var files = try files()
        files["config.json"] = nil
        #expect(try error(files).path == "model/config.json")
        files["config.json"] = ArrayMemory(Array("[]".utf8))
        #expect(try error(files).kind == .configuration)
        files["config.json"] = ArrayMemory(Array("{".utf8))
        #expect(try error(files).kind == .malformed)
    }

    /// The golden's weights, changed by `change`.
    private func withWeights(_ change: (inout [(name: String, array: HostArray)]) -> Void) throws -> CheckpointError {
        let checkpoint = try CheckpointTensors(opening: golden.folder)
        var tensors = try checkpoint.names.map { (name: $0, array: try checkpoint.tensor(named: $0)) }
        change(&tensors)
        return try withTemporaryFolder { folder in
            try SafetensorsWriter.write(tensors, to: folder + "/model.safetensors")
            var files = try files()
            files["model.safetensors"] = try MappedFile(path: folder + "/model.safetensors")
            return try error(files)
        }
    }

    @Test(arguments: [
        "wav2vec2.encoder.layers.1.attention.k_proj.bias", "lm_head.weight",
        "wav2vec2.feature_extractor.conv_layers.6.layer_norm.weight", "wav2vec2.feature_projection.projection.weight",
        "wav2vec2.encoder.pos_conv_embed.conv.bias",
    ])
    func aMissingOrMisshapenTensorIsNamed(name: String) throws {
        let missing = try withWeights { $0.removeAll { $0.name == name } }
        #expect(missing.kind == .weights && missing.detail.contains(name), "\(missing)")
        let misshapen = try withWeights { tensors in
            for index in tensors.indices where tensors[index].name == name {
                tensors[index].array = HostArray([1, 2, 3] as [Float], shape: [3])
            }
        }
        #expect(misshapen.kind == .weights && misshapen.detail.contains(name), "\(misshapen)")
        #expect(misshapen.detail.contains("[3]"))
    }

    @Test func anUnusedTensorIsNamed() throws {
        let error = try withWeights { tensors in
            tensors.append((name: "wav2vec2.encoder.layers.9.extra", array: HostArray([1] as [Float], shape: [1])))
        }
        #expect(error.kind == .weights && error.detail.contains("wav2vec2.encoder.layers.9.extra"), "\(error)")
    }

    @Test func aThousandMutationsOfSettingsAndWeightsEndInErrorsOrModels() throws {
        var random = RandomSource(seed: 5)
        let original = try files()
        let names = original.keys.sorted()
        let clip = AudioClip(samples: (0..<800).map { Float($0 % 37) / 37 }, sampleRate: 16_000)
        var (loaded, refused) = (0, 0)
        for round in 0..<1000 {
            var files = original
            let name = names[round % names.count]
            let bytes = try #require(original[name]).withUnsafeBytes { Array($0) }
            files[name] = ArrayMemory(mutated(bytes, &random))
            do {
                let model = try load(files)
                loaded += 1
                _ = try model.transcribe([clip])
            } catch is CheckpointError {
                refused += 1
            } catch is AudioError {
                refused += 1
            }
        }
        #expect(loaded > 100 && refused > 100, "\(loaded) loaded, \(refused) refused")
    }

    @Test func audioThatCanNotBeUsedIsNamed() throws {
        let model = try load(files())
        func error(_ samples: [Float]) throws -> AudioError {
            try #require(throws: AudioError.self) {
                try model.transcribe([AudioClip(samples: samples, sampleRate: 16_000, source: "speech.wav")])
            }
        }
        let short = try error([Float](repeating: 0.1, count: model.configuration.receptiveField - 1))
        #expect(short.kind == .tooShort && short.source == "speech.wav")
        #expect(try error([]).kind == .tooShort)
        var samples = [Float](repeating: 0.1, count: 800)
        samples[17] = .nan
        let notFinite = try error(samples)
        #expect(notFinite.kind == .notFinite && notFinite.detail.contains("17"))
    }

    @Test func aCheckpointWithoutAHeadWritesNoText() throws {
        let headless = try Golden("headless")
        let model = try headless.model(on: backend)
        let error = try #require(throws: CheckpointError.self) { try model.transcribe([headless.clip(1, model)]) }
        #expect(error.description.contains("CTC head"))
        #expect(
            try model.features(of: headless.clip(1, model).samples, sampleRate: 16_000).shape.columns
                == model.configuration.hiddenSize)
    }
}
