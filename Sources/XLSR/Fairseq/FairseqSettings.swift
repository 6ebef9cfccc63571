/// The settings of a fairseq checkpoint, from whichever of its layouts: `args` (an `argparse.Namespace`), or `cfg`
/// (omegaconf's containers, or plain dictionaries) with the parts `model` and `task`.
struct FairseqSettings {
    enum Model: Equatable {
        case pretraining, ctc
    }

    let model: Model
    /// Of the wav2vec 2.0 encoder.
    let encoder: ConfigurationFields
    /// Of the training task: input and dictionary.
    let task: ConfigurationFields

    /// `path` names the file in errors.
    /// - Throws: `CheckpointError` when there are no settings, or those of another kind of model.
    init(_ checkpoint: [String: PickleValue], _ heap: PickleHeap, path: String) throws {
        let reader = Reader(heap: heap)
        guard let whole = reader.groups(checkpoint["cfg"]) ?? reader.groups(checkpoint["args"]) else {
            throw CheckpointError(
                .configuration, path: path, "holds neither cfg nor args, so it is no checkpoint of fairseq",
                remedy: "a Hugging Face checkpoint is named by its folder")
        }
        let model = reader.scalars(whole.model, root: whole)
        let name = (model["_name"] ?? model["arch"] ?? .null).string
        switch name {
        case "wav2vec2": self.model = .pretraining
        case "wav2vec_ctc": self.model = .ctc
        case let name:
            throw CheckpointError(
                .configuration, path: path,
                "is a model \(name.map { "\"\($0)\"" } ?? "without a name"); wav2vec2 and wav2vec_ctc are supported",
                remedy: "use a checkpoint that Hugging Face made of it")
        }
        let task = reader.scalars(whole.task, root: whole)
        self.task = ConfigurationFields(task, path: path)
        guard self.model == .ctc else {
            encoder = ConfigurationFields(model, path: path)
            try refuseVariants()
            return
        }
        guard let inner = reader.groups(whole.model["w2v_args"]) else {
            throw CheckpointError(
                .configuration, path: path, "w2v_args: the settings of the pre-trained model are not in the file",
                remedy: "they were in the file that w2v_path names, on the machine of the training")
        }
        encoder = ConfigurationFields(reader.scalars(inner.model, root: inner), path: path)
        let head = ConfigurationFields(model, path: path)
        try head.refuse("blank_weight", "a weight of the blank is not supported") { ($0.double ?? 1) != 0 }
        let before = reader.scalars(inner.task, root: inner)["normalize"]
        guard (before?.bool ?? false) == (task["normalize"]?.bool ?? false) else {
            throw head.error("normalize", "differs between pre-training and fine-tuning, which fairseq refuses")
        }
        try refuseVariants()
    }

    /// Settings that change the computation in ways that the encoder doesn't have, with the values that don't.
    private static let variants: [(name: String, plain: [JSON])] =
        [
            ("layer_type", [.string("transformer")]), ("pos_enc_type", [.string("abs")]), ("attn_type", [.string("")]),
            ("adp_num", [.int(-1), .int(0)]), ("quant_noise_pq", [.int(0), .double(0)]),
            ("quant_noise_scalar", [.int(0), .double(0)]),
        ]
        + ["conv_pos_batch_norm", "quantize_input", "target_glu"].map { ($0, [.bool(false)]) }
        + ["pos_conv_depth", "crop_seq_to_multiple", "quantizer_depth"].map { ($0, [.int(1)]) }

    private func refuseVariants() throws {
        for (name, plain) in Self.variants {
            try encoder.refuse(name, "this variant of the model is not supported") {
                $0 != .null && !plain.contains($0)
            }
        }
    }

    private static let activations = [
        "gelu": "gelu", "relu": "relu", "gelu_fast": "gelu_new", "gelu_accurate": "gelu_new", "tanh": "tanh",
        "linear": "linear", "swish": "silu",
    ]

    /// The fields of a Hugging Face `config.json` for the same model.
    /// - Throws: `CheckpointError` that names fairseq's field.
    func huggingFaceFields() throws -> [String: JSON] {
        func size(_ name: String) throws -> JSON {
            guard let size = try encoder.optionalInteger(name, in: 1...1_000_000) else {
                throw encoder.error(name, "is missing")
            }
            return .int(size)
        }
        let text = try encoder.string("conv_feature_layers", default: "")
        guard let layers = FairseqConvolutions.parse(text) else {
            throw encoder.error(
                "conv_feature_layers", "\"\(text.prefix(80))\" is not like [(512, 10, 5)] + [(512, 3, 2)] * 4")
        }
        let mode = try encoder.string("extractor_mode", default: "default")
        guard let norm = ["default": "group", "layer_norm": "layer"][mode] else {
            throw encoder.error("extractor_mode", "is \"\(mode)\", not \"default\" or \"layer_norm\"")
        }
        let activation = try encoder.string("activation_fn", default: "gelu")
        guard let activation = Self.activations[activation] else {
            throw encoder.error("activation_fn", "the activation \"\(activation)\" is not supported")
        }
        var fields: [String: JSON] = [
            "model_type": .string("wav2vec2"),
            "hidden_size": try size("encoder_embed_dim"), "num_hidden_layers": try size("encoder_layers"),
            "num_attention_heads": try size("encoder_attention_heads"),
            "intermediate_size": try size("encoder_ffn_embed_dim"),
            "hidden_act": .string(activation), "feat_extract_activation": .string("gelu"),
            "layer_norm_eps": .double(1e-5),
            "feat_extract_norm": .string(norm), "conv_dim": .array(layers.map { .int($0.channels) }),
            "conv_kernel": .array(layers.map { .int($0.kernel) }),
            "conv_stride": .array(layers.map { .int($0.stride) }), "num_feat_extract_layers": .int(layers.count),
            "conv_bias": .bool(try encoder.bool("conv_bias", default: false)),
            "do_stable_layer_norm": .bool(try encoder.bool("layer_norm_first", default: false)),
            "num_conv_pos_embeddings": .int(try encoder.integer("conv_pos", default: 128, in: 1...100_000)),
            "num_conv_pos_embedding_groups": .int(try encoder.integer("conv_pos_groups", default: 16, in: 1...65_536)),
        ]
        if try encoder.bool("quantize_targets", default: false) {
            fields["num_codevectors_per_group"] = .int(
                try encoder.integer("latent_vars", default: 320, in: 1...100_000))
            fields["num_codevector_groups"] = .int(try encoder.integer("latent_groups", default: 2, in: 1...1_000))
        }
        return fields
    }

    /// The fields of a Hugging Face `preprocessor_config.json`, and the ε of fairseq's normalisation.
    func featureExtractorFields() throws -> [String: JSON] {
        [
            "feature_extractor_type": .string("Wav2Vec2FeatureExtractor"), "feature_size": .int(1),
            "padding_side": .string("right"), "padding_value": .int(0),
            "sampling_rate": .int(try task.integer("sample_rate", default: 16_000, in: AudioClip.sampleRates)),
            "do_normalize": .bool(try task.bool("normalize", default: false)),
            "return_attention_mask": .bool(try encoder.string("extractor_mode", default: "default") == "layer_norm"),
            "normalization_epsilon": .double(FeatureExtractorSettings.fairseqEpsilon),
        ]
    }
}

extension FairseqSettings {
    /// Settings of a model and of its task; one and the same in `args`.
    private struct Groups {
        let model: [String: PickleValue]
        let task: [String: PickleValue]
        let all: [String: PickleValue]
    }

    private struct Reader {
        let heap: PickleHeap

        func groups(_ value: PickleValue?) -> Groups? {
            guard let all = heap.settings(of: value), !all.isEmpty else { return nil }
            guard let model = heap.settings(of: all["model"]) else { return Groups(model: all, task: all, all: all) }
            return Groups(model: model, task: heap.settings(of: all["task"]) ?? [:], all: all)
        }

        /// The values that are no containers; references such as `${task.normalize}` are followed.
        func scalars(_ group: [String: PickleValue], root: Groups) -> [String: JSON] {
            group.compactMapValues { value in
                var scalar = heap.scalar(value)
                // A reference to a reference to a reference is more than anybody writes, and cycles end.
                for _ in 0..<3 {
                    guard let text = scalar?.string, text.hasPrefix("${"), text.hasSuffix("}") else { break }
                    let parts = text.dropFirst(2).dropLast().split(separator: ".").map(String.init)
                    guard parts.count == 2, let target = heap.settings(of: root.all[parts[0]])?[parts[1]] else {
                        return nil
                    }
                    scalar = heap.scalar(target)
                }
                return scalar
            }
        }
    }
}
