/// Names in Hugging Face checkpoints. Block names are where the blocks read them; what concerns all of a
/// checkpoint is here.
package enum CheckpointNames {
    /// The encoder's tensors stand under this in checkpoints with a head, and without it in bare encoders.
    static let encoderPrefix = "wav2vec2"
    static let ctcHead = "lm_head"
    static let attentionAdapter = "adapter_layer"

    /// Whether a tensor of a bare encoder is the encoder's, not what pre-training left beside it.
    static func isOfEncoder(_ name: String) -> Bool {
        let block = name.prefix { $0 != "." }
        return ["feature_extractor", "feature_projection", "encoder", "adapter", "masked_spec_embed"].contains(block)
    }

    /// Whether a language adapter of its own file takes the tensor's place.
    static func isOfLanguage(_ name: String) -> Bool {
        name.hasPrefix(ctcHead + ".") || name.contains(".\(attentionAdapter).")
    }

    /// What the encoder's tensors stand under: their own name, that of a translation model's part, or nothing.
    static func encoderPrefix(in names: [String], translates: Bool) -> String? {
        if translates { return "encoder" }
        return names.contains { $0.hasPrefix(encoderPrefix + ".") } ? encoderPrefix : nil
    }

    /// Whether a load at int8 quantises the matrix: those of the layers of encoder and text decoder, and of the
    /// decoder's output where the tokens' embedding isn't the same matrix. Others stay, since few numbers hang on each.
    static func isQuantized(_ name: String, tiesEmbeddings: Bool) -> Bool {
        let parts = name.split(separator: ".")
        guard parts.last == "weight" else { return false }
        if name == "decoder.lm_head.weight" { return !tiesEmbeddings }
        guard let layers = parts.firstIndex(of: "layers"), layers > 0, layers + 2 < parts.count else { return false }
        let block = parts[(layers + 2)...].dropLast().joined(separator: ".")
        switch parts[layers - 1] {
        case "encoder":
            return ["q_proj", "k_proj", "v_proj", "out_proj"].contains { block == "attention.\($0)" }
                || ["intermediate_dense", "output_dense"].contains { block == "feed_forward.\($0)" }
        case "decoder":
            return ["q_proj", "k_proj", "v_proj", "out_proj"].contains {
                block == "self_attn.\($0)" || block == "encoder_attn.\($0)"
            } || ["fc1", "fc2"].contains(block)
        default: return false
        }
    }

    /// Tensors that inference leaves unread by design.
    package static func isUnreadByDesign(_ name: String, _ head: Configuration.Head) -> Bool {
        let name = name.hasPrefix(encoderPrefix + ".") ? String(name.dropFirst(encoderPrefix.count + 1)) : name
        // In translation models: that mask, and what is left of a decoder that was once a whole translator.
        if name == "encoder.masked_spec_embed" || name == "decoder.final_logits_bias" { return true }
        // SpecAugment's mask and the classes of an x-vector's loss, used in training alone.
        if name == "masked_spec_embed" || name.hasPrefix("objective.") { return true }
        // The quantiser and the projections of pretraining's contrastive task.
        let pretraining = ["quantizer.", "project_hid.", "project_q."]
        // Heads of tasks other than the one asked for.
        let tasks = [ctcHead + ".", "classifier.", "projector."]
        switch head {
        case .none: return (pretraining + tasks).contains { name.hasPrefix($0) }
        case .pretraining: return tasks.contains { name.hasPrefix($0) }
        default: return pretraining.contains { name.hasPrefix($0) }
        }
    }
}
