import FoundationEssentials
import TensorEngine

/// Checkpoints as fairseq's training writes them: `xlsr2_300m.pt` and its CTC fine-tunes, with their `dict.ltr.txt`.
///
/// A file holds the weights under fairseq's names and the settings as Python objects. Both are read as data, and shown
/// as the files of a Hugging Face checkpoint. Source: fairseq's `wav2vec2.py`, `wav2vec2_asr.py`, `dictionary.py`.
package enum FairseqCheckpoint {
    /// The files of the checkpoint at `path`, which is a regular file.
    /// - Throws: `CheckpointError` for a file that is damaged, of another kind, or of a variant that isn't supported.
    static func files(_ path: String) throws -> CheckpointFiles {
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        let beside = try CheckpointFiles(folder: folder.isEmpty ? "/" : folder)
        return try files(CheckpointFiles.mapping(path), path: path) { name in
            try beside.contents(of: name).map { ($0, beside.path(of: name)) }
        }
    }

    /// - Parameter fileBeside: the bytes and the path of a file in the same folder; nil when it isn't there.
    package static func files(
        _ memory: any HostMemory, path: String, fileBeside: (String) throws -> (bytes: [UInt8], path: String)?
    ) throws -> CheckpointFiles {
        let contents = try memory.withUnsafeBytes {
            try TorchContents($0, path: path, records: FairseqRecords())
        }
        let heap = contents.heap
        guard let checkpoint = heap.members(of: contents.value), let state = checkpoint["model"].flatMap(heap.members)
        else {
            throw CheckpointError(
                .configuration, path: path, "holds no \"model\", so it is no checkpoint of fairseq",
                remedy: "a Hugging Face checkpoint is named by its folder")
        }
        let settings = try FairseqSettings(checkpoint, heap, path: path)
        var fields = try settings.huggingFaceFields()
        let tensors = try FairseqTensors(TorchFile(state, of: contents, memory, path: path))
        try FairseqShapes(tensors, settings).check(fields)
        try add(headOf: tensors, settings, to: &fields)

        var files = [
            "config.json": try json(fields), "preprocessor_config.json": try json(settings.featureExtractorFields()),
        ]
        var absences: [String: CheckpointError] = [:]
        if settings.model == .ctc {
            do {
                let dictionary = try dictionary(settings, checkpoint, heap, path: path, fileBeside)
                try check(dictionary, tensors)
                fields["pad_token_id"] = .int(dictionary.blankID)
                files["config.json"] = try json(fields)
                try files.merge(dictionary.files()) { $1 }
            } catch let error as CheckpointError {
                // Features and logits need no tokens.
                absences["vocab.json"] = error
            }
        }
        return CheckpointFiles(files.mapValues { ArrayMemory($0) }, tensors: tensors, absences: absences, path: path)
    }

    /// What the checkpoint is for, and the sizes of its head.
    private static func add(
        headOf tensors: FairseqTensors, _ settings: FairseqSettings, to fields: inout [String: JSON]
    ) throws {
        var architecture = "Wav2Vec2Model"
        if settings.model == .ctc {
            architecture = "Wav2Vec2ForCTC"
            guard let rows = tensors.shape(of: CheckpointNames.ctcHead + ".weight")?.dimensions.first else {
                throw CheckpointError(.weights, path: tensors.path, "has no tensor w2v_encoder.proj.weight")
            }
            fields["vocab_size"] = .int(rows)
            (fields["pad_token_id"], fields["bos_token_id"], fields["eos_token_id"]) = (.int(0), .int(1), .int(2))
        } else if let codes = tensors.shape(of: "quantizer.codevectors")?.dimensions, codes.count == 3,
            let groups = fields["num_codevector_groups"]?.int,
            let projection = tensors.shape(of: "project_q.weight")?.dimensions.first
        {
            architecture = "Wav2Vec2ForPreTraining"
            let (width, overflow) = codes[2].multipliedReportingOverflow(by: groups)
            fields["codevector_dim"] = .int(overflow ? 0 : width)
            fields["proj_codevector_dim"] = .int(projection)
        }
        fields["architectures"] = .array([.string(architecture)])
        let first = CheckpointNames.encoderPrefix + ".encoder.layers.0.feed_forward.intermediate_dense.weight"
        if try tensors.tensor(named: first).dtype == .float16 { fields["dtype"] = .string("float16") }
    }

    /// The tokens that the file itself holds, else those of the file beside it.
    private static func dictionary(
        _ settings: FairseqSettings, _ checkpoint: [String: PickleValue], _ heap: PickleHeap, path: String,
        _ fileBeside: (String) throws -> (bytes: [UInt8], path: String)?
    ) throws -> FairseqDictionary {
        let labels = try settings.task.string("labels", default: "ltr")
        guard labels != "phn", !labels.contains("/"), !labels.contains("\0") else {
            throw CheckpointError(
                .tokenizer, path: path, "labels: the model writes \"\(labels)\"; only letters are turned into text")
        }
        if case .record(let index)? = heap.members(of: checkpoint["task_state"] ?? .none)?["target_dictionary"],
            let list = heap.members(of: heap.records[index].state)?["symbols"], let values = heap.elements(of: list)
        {
            let symbols = values.compactMap { if case .string(let text) = $0 { CodePoints(text) } else { nil } }
            guard symbols.count == values.count else {
                throw CheckpointError.malformed(
                    path, "task_state: the target dictionary holds something that is no text")
            }
            return FairseqDictionary(symbols)
        }
        let name = "dict.\(labels).txt"
        guard let (bytes, dictionaryPath) = try fileBeside(name) else {
            throw CheckpointError(
                .missingFile, path: path,
                "its tokens are in \(name), which is not beside it, so token ids have no text",
                remedy: "download \(name) from where the checkpoint is from into the same folder")
        }
        return try FairseqDictionary(bytes, path: dictionaryPath)
    }

    private static func check(_ dictionary: FairseqDictionary, _ tensors: FairseqTensors) throws {
        let rows = tensors.shape(of: CheckpointNames.ctcHead + ".weight")?.dimensions.first ?? 0
        guard dictionary.symbols.count == rows else {
            throw CheckpointError(
                .tokenizer, path: tensors.path,
                "the dictionary has \(dictionary.symbols.count) tokens with <s>, <pad>, </s> and <unk>, but the head has"
                    + " \(rows) outputs", remedy: "dictionary and checkpoint must come from the same training")
        }
    }

    private static func json(_ fields: [String: JSON]) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(JSON.object(fields)))
    }
}
