import TensorEngine

/// A fairseq checkpoint's tensors under Hugging Face's names.
struct FairseqTensors: TensorFile {
    let path: String
    private let file: TorchFile
    /// fairseq's names by Hugging Face's.
    private let names: [String: String]

    /// - Throws: `CheckpointError` naming the first tensor that no wav2vec 2.0 encoder with a CTC head has.
    init(_ file: TorchFile) throws {
        path = file.path
        self.file = file
        var names: [String: String] = [:]
        for name in file.tensorNames where !Self.isBookkeeping(name) {
            guard let found = Self.huggingFaceName(name) else {
                throw CheckpointError(
                    .weights, path: file.path,
                    "\(name) belongs to no wav2vec 2.0 encoder with a CTC head; models with other parts are not supported",
                    remedy: "use the checkpoint that Hugging Face made of it")
            }
            guard names.updateValue(name, forKey: found) == nil else {
                throw CheckpointError(.weights, path: file.path, "\(name) stands for \(found), which is there already")
            }
        }
        self.names = names
    }

    var tensorNames: [String] { names.keys.sorted() }

    func shape(of name: String) -> Shape? { names[name].flatMap(file.shape) }

    func tensor(named name: String) throws -> HostArray {
        guard let original = names[name] else { throw missing(name) }
        return try file.tensor(named: original)
    }

    /// fairseq's name, for messages.
    func original(of name: String) -> String { names[name] ?? name }

    private static func isBookkeeping(_ name: String) -> Bool {
        ["num_updates", "version", "_float_tensor"].contains(name.split(separator: ".").last.map(String.init) ?? "")
    }

    /// Source: `MAPPING` of transformers' `convert_wav2vec2_original_pytorch_checkpoint_to_pytorch.py`.
    private static func huggingFaceName(_ name: String) -> String? {
        var parts = name.split(separator: ".", omittingEmptySubsequences: false)[...]
        if parts.starts(with: ["w2v_encoder", "proj"]) {
            return ([Substring(CheckpointNames.ctcHead)] + parts.dropFirst(2)).joined(separator: ".")
        }
        if parts.first == "w2v_encoder" { parts = parts.dropFirst() }
        if parts.first == "w2v_model" { parts = parts.dropFirst() }
        if parts == ["quantizer", "vars"] { return "quantizer.codevectors" }
        for (original, found) in pretrainingBlocks where parts.starts(with: original) {
            return (found + parts.dropFirst(original.count)).joined(separator: ".")
        }
        return encoderName(Array(parts)).map {
            ([Substring(CheckpointNames.encoderPrefix)] + $0).joined(separator: ".")
        }
    }

    private static func encoderName(_ parts: [Substring]) -> [Substring]? {
        if parts == ["mask_emb"] { return ["masked_spec_embed"] }
        if parts.starts(with: ["encoder", "layers"]), parts.count >= 5 {
            for (original, found) in layerBlocks where parts.dropFirst(3).starts(with: original) {
                var renamed = parts
                renamed.replaceSubrange(3..<3 + original.count, with: found)
                return renamed
            }
            return nil
        }
        if parts.starts(with: ["feature_extractor", "conv_layers"]), parts.count >= 5 {
            // Module 0 is the convolution, module 2 a norm, alone or between two transpositions.
            let tail = parts.dropFirst(3)
            let block: Substring = tail.first == "0" ? "conv" : "layer_norm"
            let isKnown = tail.count == 2 && ["0", "2"].contains(tail.first) || tail.starts(with: ["2", "1"])
            guard isKnown, let last = tail.last else { return nil }
            return parts.prefix(3) + [block, last]
        }
        for (original, found) in encoderBlocks where parts.starts(with: original) {
            return found + parts.dropFirst(original.count)
        }
        return nil
    }

    private typealias Blocks = [([Substring], [Substring])]

    private static let pretrainingBlocks: Blocks = [
        (["quantizer", "weight_proj"], ["quantizer", "weight_proj"]), (["project_q"], ["project_q"]),
        (["final_proj"], ["project_hid"]),
    ]
    private static let encoderBlocks: Blocks = [
        (["post_extract_proj"], ["feature_projection", "projection"]),
        (["layer_norm"], ["feature_projection", "layer_norm"]),
        (["encoder", "layer_norm"], ["encoder", "layer_norm"]),
        (["encoder", "pos_conv", "0"], ["encoder", "pos_conv_embed", "conv"]),
    ]
    private static let layerBlocks: Blocks =
        ["q_proj", "k_proj", "v_proj", "out_proj"].map { (["self_attn", $0], ["attention", $0]) } + [
            (["self_attn_layer_norm"], ["layer_norm"]), (["final_layer_norm"], ["final_layer_norm"]),
            (["fc1"], ["feed_forward", "intermediate_dense"]), (["fc2"], ["feed_forward", "output_dense"]),
        ]
}
