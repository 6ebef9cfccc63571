import Backends
import TensorEngine
import Testing
import XLSR

/// Heads that are wrong in one way each: every one is a typed error that names what is wrong.
@Suite struct BadHeadTests {
    /// The error of loading a golden with some fields of its configuration, or with its weights, changed.
    private func error(
        _ variant: String, _ fields: [String: JSON?] = [:],
        weights change: (inout [(name: String, array: HostArray)]) -> Void = { _ in }
    ) throws -> CheckpointError {
        let golden = try Golden(variant)
        let files = try CheckpointFiles(folder: golden.folder)
        let bytes = try #require(try files.contents(of: "config.json"))
        var configuration = try #require(JSON(parsing: bytes, path: "config.json").object)
        for (name, value) in fields { configuration[name] = value }
        let checkpoint = try CheckpointTensors(files)
        var tensors = try checkpoint.names.map { (name: $0, array: try checkpoint.tensor(named: $0)) }
        change(&tensors)
        return try withTemporaryFolder { folder in
            try SafetensorsWriter.write(tensors, to: folder + "/model.safetensors")
            return try #require(throws: CheckpointError.self) {
                _ = try XLSRModel(
                    CheckpointTensors(opening: folder), name: "model",
                    configuration: Configuration(fields: configuration, path: "model/config.json"),
                    featureExtractor: FeatureExtractorSettings(files), tokenizer: .failure(UsageError("none")),
                    on: BackendRegistry.open(.simd))
            }
        }
    }

    @Test(arguments: [
        ("classifier", "id2label", JSON.object([:])),
        ("classifier", "id2label", .object(["0": .string("a"), "2": .string("b")])),
        ("classifier", "id2label", .object(["0": .int(3)])), ("classifier", "id2label", .array([])),
        ("classifier", "classifier_proj_size", .int(0)), ("classifier", "problem_type", .string("riddle")),
        ("classifier", "add_adapter", .bool(true)), ("frames", "add_adapter", .bool(true)),
        ("classifier-sum", "use_weighted_layer_sum", .string("yes")),
        ("xvector", "tdnn_dim", .array([])), ("xvector", "tdnn_kernel", .array([.int(3)])),
        ("xvector", "tdnn_dilation", .array([.int(1), .int(2), .int(3), .int(0)])),
        ("xvector", "xvector_output_dim", .int(-1)), ("xvector-adapter", "output_hidden_size", .int(7)),
        ("quantizer", "num_codevector_groups", .int(4)), ("quantizer", "codevector_dim", .double(1.5)),
        ("adapter", "adapter_stride", .int(10_000)), ("adapter", "adapter_stride", .int(0)),
        ("adapter", "num_adapter_layers", .int(33)), ("adapter", "output_hidden_size", .int(0)),
        ("adapter", "add_adapter", .int(1)),
    ])
    func aBadFieldIsNamed(variant: String, field: String, value: JSON) throws {
        let error = try error(variant, [field: value])
        #expect(error.kind == .configuration && error.detail.hasPrefix("\(field):"), "\(error)")
    }

    @Test(arguments: ["classifier", "frames"])
    func aHeadWithoutItsLabelsSaysWhereToFindThem(variant: String) throws {
        for labels in [nil, JSON.object(["0": .string("only")])] {
            let error = try error(variant, ["id2label": labels])
            #expect(error.kind == .configuration && error.description.contains("classifier.weight has"), "\(error)")
            #expect(error.description.contains("id2label in config.json must name each output"))
        }
    }

    @Test(arguments: [
        ("classifier", "projector.weight"), ("classifier", "classifier.weight"), ("classifier", "classifier.bias"),
        ("classifier-sum", "layer_weights"), ("frames-sum", "layer_weights"), ("frames", "classifier.weight"),
        ("xvector", "tdnn.1.kernel.weight"), ("xvector", "feature_extractor.bias"), ("xvector", "projector.bias"),
        ("xvector-adapter", "wav2vec2.adapter.layers.0.conv.weight"), ("quantizer", "quantizer.weight_proj.weight"),
        ("quantizer", "project_q.weight"), ("adapter", "adapter.layers.1.conv.bias"),
        ("adapter-ctc", "wav2vec2.adapter.proj.weight"), ("adapter-ctc", "wav2vec2.adapter.proj_layer_norm.bias"),
        ("adapter-ctc", "lm_head.weight"),
    ])
    func aMissingOrMisshapenTensorIsNamed(variant: String, name: String) throws {
        let missing = try error(variant) { tensors in
            #expect(tensors.contains { $0.name == name })
            tensors.removeAll { $0.name == name }
        }
        #expect(missing.kind == .weights && missing.detail.contains(name), "\(missing)")
        let misshapen = try error(variant) { tensors in
            for index in tensors.indices where tensors[index].name == name {
                tensors[index].array = HostArray([1, 2, 3] as [Float], shape: [1, 3, 1])
            }
        }
        #expect(misshapen.description.contains(name), "\(misshapen)")
    }
}
