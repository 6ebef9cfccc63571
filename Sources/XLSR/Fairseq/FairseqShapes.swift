/// Sizes that settings claim and tensors have: a difference is told in fairseq's words.
struct FairseqShapes {
    private let tensors: FairseqTensors
    private let settings: FairseqSettings

    init(_ tensors: FairseqTensors, _ settings: FairseqSettings) {
        self.tensors = tensors
        self.settings = settings
    }

    func check(_ fields: [String: JSON]) throws {
        func size(_ name: String) -> Int { fields[name]?.int ?? 0 }
        let (hidden, layers) = (size("hidden_size"), size("num_hidden_layers"))
        let prefix = CheckpointNames.encoderPrefix + ".encoder.layers."
        let found = Set(
            tensors.tensorNames.filter { $0.hasPrefix(prefix) }.map { $0.dropFirst(prefix.count).prefix { $0 != "." } })
        guard found.count == layers else {
            throw settings.encoder.error(
                "encoder_layers", "is \(layers), but there are weights of \(found.count) layers")
        }
        try check(prefix + "0.feed_forward.intermediate_dense.weight", 1, hidden, "encoder_embed_dim")
        try check(
            prefix + "0.feed_forward.intermediate_dense.weight", 0, size("intermediate_size"), "encoder_ffn_embed_dim")
        let position = CheckpointNames.encoderPrefix + ".encoder.pos_conv_embed.conv."
        let direction =
            tensors.shape(of: position + "weight_v") == nil ? "parametrizations.weight.original1" : "weight_v"
        try check(position + direction, 2, size("num_conv_pos_embeddings"), "conv_pos")
        let convolutions = zip(fields["conv_dim"]?.array ?? [], fields["conv_kernel"]?.array ?? []).enumerated()
        for (index, (channels, kernel)) in convolutions {
            let name = CheckpointNames.encoderPrefix + ".feature_extractor.conv_layers.\(index).conv.weight"
            try check(name, 0, channels.int ?? 0, "conv_feature_layers")
            try check(name, 2, kernel.int ?? 0, "conv_feature_layers")
        }
        let projection = CheckpointNames.encoderPrefix + ".feature_projection.projection.weight"
        guard tensors.shape(of: projection) != nil else {
            throw settings.encoder.error(
                "encoder_embed_dim", "equals the front-end's width, so there is no post_extract_proj; not supported")
        }
    }

    private func check(_ name: String, _ axis: Int, _ expected: Int, _ setting: String) throws {
        guard let shape = tensors.shape(of: name) else {
            throw CheckpointError(.weights, path: tensors.path, "has no tensor for \(name)")
        }
        guard shape.dimensions.count > axis, shape[axis] == expected else {
            throw settings.encoder.error(
                setting,
                "says \(expected) where \(tensors.original(of: name)) is \(shape); the checkpoint contradicts itself")
        }
    }
}
