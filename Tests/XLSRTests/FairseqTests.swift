import Conformance
import FoundationEssentials
import TensorEngine
import Testing
import XLSR

@Suite struct FairseqTests {
    private static let folder = testFolder + "/Goldens/fairseq"
    /// Checkpoints of each layout, and what transformers computes from their weights.
    static let checkpoints = [
        ("ctc-args.pt", "golden-ctc"), ("whole/ctc-cfg.pt", "golden-ctc"), ("pretraining-cfg.pt", "golden-pretraining"),
    ]

    private func golden(_ name: String, _ file: String) throws -> Golden {
        try Golden(checkpoint: "\(Self.folder)/\(file)", file: "\(Self.folder)/\(name).safetensors")
    }

    @Test(arguments: checkpoints, GoldenDevices.all)
    func everyBlockIsWhatTransformersComputes(checkpoint: (String, String), device: GoldenDevice) throws {
        let golden = try golden(checkpoint.1, checkpoint.0)
        let model = try golden.model(on: device.backend)
        var compared = 0
        for index in 0..<golden.inputCount {
            let taps = Taps()
            _ = try model.outputs(of: [golden.clip(index, model)], taps: taps)
            for record in taps.records where golden.tensors.shape(of: "\(record.name).\(index)") != nil {
                try golden.compare(record.utterance(0).floats(), "\(record.name).\(index)", device)
                compared += 1
            }
            if let text = golden.metadata["text.\(index)"] {
                #expect(try model.transcribe([golden.clip(index, model)])[0].text == text)
            }
        }
        #expect(compared >= 3 * 9)
    }

    @Test(arguments: checkpoints, GoldenDevices.all)
    func aBatchIsItsSingleRuns(checkpoint: (String, String), device: GoldenDevice) throws {
        let golden = try golden(checkpoint.1, checkpoint.0)
        let model = try golden.model(on: device.backend)
        let clips = try [2, 0, 1].map { try golden.clip($0, model) }
        let batch = try model.outputs(of: clips)
        let columns = model.configuration.hiddenSize
        let states = try batch.states.floats()
        for (place, clip) in clips.enumerated() {
            let single = try model.outputs(of: [clip]).states.floats()
            let rows = batch.segments[place]
            let part = Array(states[rows.lowerBound * columns..<rows.upperBound * columns])
            #expect(largestDifference(part, single) <= 1e-5 * largest(single))
        }
    }

    @Test func theSettingsAreThoseOfTheCheckpoint() throws {
        let backend = GoldenDevices.all[0].backend
        let tuned = try golden("golden-ctc", "whole/ctc-cfg.pt").model(on: backend)
        #expect(tuned.configuration.architectures == ["Wav2Vec2ForCTC"])
        #expect(tuned.configuration.usesStableLayerNorm && tuned.configuration.frontEndNorm == .layer)
        #expect(tuned.featureExtractor.normalizes && tuned.featureExtractor.normalizationEpsilon == 1e-5)
        let tokenizer = try tuned.tokenizer
        #expect(tokenizer.blankID == 0 && tokenizer.token(for: 0) == "<s>" && tokenizer.token(for: 4) == "|")
        let pretrained = try golden("golden-pretraining", "pretraining-cfg.pt").model(on: backend)
        #expect(pretrained.configuration.architectures == ["Wav2Vec2ForPreTraining"])
        #expect(!pretrained.configuration.usesStableLayerNorm && pretrained.configuration.frontEndNorm == .group)
        #expect(!pretrained.featureExtractor.normalizes)
    }

    @Test func normalizationEpsilonChangesQuietAudioAndCanBeSet() throws {
        let golden = try golden("golden-ctc", "ctc-args.pt")
        let device = GoldenDevices.all[0]
        var model = try golden.model(on: device.backend)
        let asked = try model.features(of: golden.clip(1, model).samples, sampleRate: 16_000).floats()
        model.featureExtractor.normalizationEpsilon = 1e-7
        let other = try model.features(of: golden.clip(1, model).samples, sampleRate: 16_000).floats()
        #expect(largestDifference(asked, other) > 1e-2 * largest(asked))
        model.featureExtractor.normalizationEpsilon = FeatureExtractorSettings.fairseqEpsilon
        try golden.compare(
            model.features(of: golden.clip(1, model).samples, sampleRate: 16_000).floats(), "last_hidden_state.1",
            device)
    }

    @Test(arguments: checkpoints)
    func aConvertedCheckpointIsAFolderThatGivesTheSame(checkpoint: (String, String)) throws {
        let golden = try golden(checkpoint.1, checkpoint.0)
        let device = GoldenDevices.all[0]
        try withTemporaryFolder { folder in
            try CheckpointConverter.convert(
                ModelLocation.files("\(Self.folder)/\(checkpoint.0)"), to: nil, folder: folder)
            let model = try XLSRModel.load(folder, on: device.backend)
            let clip = try golden.clip(1, model)
            try golden.compare(
                model.features(of: clip.samples, sampleRate: 16_000).floats(), "last_hidden_state.1", device)
            if let text = golden.metadata["text.1"] { #expect(try model.transcribe([clip])[0].text == text) }
        }
    }

    // MARK: Dictionaries

    /// The fine-tuned checkpoint with another dictionary beside it.
    private func model(dictionary: String?) throws -> XLSRModel {
        try withTemporaryFolder { folder in
            let file = "\(folder)/model.pt"
            try FileManager.default.copyItem(atPath: "\(Self.folder)/ctc-args.pt", toPath: file)
            if let dictionary { try write(dictionary, to: "\(folder)/dict.ltr.txt") }
            return try XLSRModel.load(file, on: GoldenDevices.all[0].backend)
        }
    }

    @Test func withoutADictionaryFeaturesAreThereAndTextSaysWhatIsMissing() throws {
        let golden = try golden("golden-ctc", "ctc-args.pt")
        let model = try model(dictionary: nil)
        try golden.compare(
            model.features(of: golden.clip(1, model).samples, sampleRate: 16_000).floats(), "last_hidden_state.1",
            GoldenDevices.all[0])
        let error = try #require(throws: CheckpointError.self) { try model.transcribe([golden.clip(1, model)]) }
        #expect(error.kind == .missingFile && error.description.contains("dict.ltr.txt"))
    }

    @Test(arguments: [
        ("| 5\na 3\n", "6 tokens"), ("| 5\na\n", "line 2"), ("| five\n", "line 1"), ("| 5\na 3\na 2\n", "line 3"),
        ("| 5\n<s> 3\n", "line 2"), ("| 5\n\n", "line 2"), ("<s> 0 #fairseq:overwrite\n", "5 tokens"),
    ])
    func aBadDictionaryIsNamed(text: String, expected: String) throws {
        let model = try model(dictionary: text)
        let error = try #require(throws: CheckpointError.self) { try model.tokenizer }
        #expect(error.description.contains(expected), "\(error)")
    }

    @Test func aDictionaryMayOverwriteAndHaveWindowsLineEnds() throws {
        let original = try String(contentsOfFile: "\(Self.folder)/dict.ltr.txt", encoding: .utf8)
        let lines = original.split(separator: "\n")
        let text = lines.dropLast().joined(separator: "\r\n") + "\r\na 1 #fairseq:overwrite\r\n"
        let tokenizer = try model(dictionary: text).tokenizer
        #expect(tokenizer.id(for: "a") == lines.count + 3)
        #expect(tokenizer.token(for: 4) == "|")
    }

    // MARK: Settings

    /// A file in fairseq's form around settings, opcodes of a pickle.
    private func open(cfg: [UInt8]) throws -> CheckpointFiles {
        let tensor = pickledTensor(sizes: [1], strides: [1], storageCount: 1)
        let object =
            Array("}".utf8) + pickledString("model") + tensor + Array("s".utf8) + pickledString("cfg") + cfg
            + Array("s".utf8)
        let file = legacyTorchFile(
            object: object, keys: ["0"], storages: littleEndianBytes(Int64(1)) + [0, 0, 0, 0])
        return try FairseqCheckpoint.files(ArrayMemory(file), path: "test.pt") { _ in nil }
    }

    private func pickled(_ members: [(String, [UInt8])]) -> [UInt8] {
        Array("}".utf8) + members.flatMap { pickledString($0.0) + $0.1 + Array("s".utf8) }
    }

    private func settings(_ name: String, _ value: [UInt8]) -> [UInt8] {
        let known: [(String, [UInt8])] = [
            ("_name", pickledString("wav2vec2")), ("encoder_layers", pickledInteger(1)),
            ("encoder_embed_dim", pickledInteger(8)), ("encoder_attention_heads", pickledInteger(2)),
            ("encoder_ffn_embed_dim", pickledInteger(8)), ("conv_feature_layers", pickledString("[(4, 10, 5)]")),
        ]
        let model = known.filter { $0.0 != name } + [(name, value)]
        return pickled([("model", pickled(model)), ("task", pickled([("normalize", [0x88])]))])
    }

    @Test(arguments: [
        ("layer_type", pickledString("conformer")), ("layer_type", pickledString("trf_adp")),
        ("pos_enc_type", pickledString("rel_pos")), ("attn_type", pickledString("espnet")),
        ("pos_conv_depth", pickledInteger(5)), ("conv_pos_batch_norm", [0x88]), ("quantize_input", [0x88]),
        ("target_glu", [0x88]), ("quant_noise_pq", [0x47, 0x3F, 0xB9, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9A]),
        ("crop_seq_to_multiple", pickledInteger(2)), ("adp_num", pickledInteger(3)),
        ("extractor_mode", pickledString("mel")), ("activation_fn", pickledString("snake")),
        ("encoder_layers", pickledString("many")), ("encoder_layers", pickledInteger(-1)),
        ("encoder_attention_heads", [0x4E]), ("encoder_embed_dim", pickledInteger(.max)),
        ("conv_feature_layers", pickledString("__import__('os').system('true')")),
        ("conv_feature_layers", pickledString("[(512, 10, 5)] * 100000")),
        ("conv_feature_layers", pickledString(String(repeating: "[", count: 4000))),
        ("conv_feature_layers", pickledString("[(512, 10)]")), ("conv_feature_layers", pickledString("[]")),
        ("conv_feature_layers", pickledString("[(4, 10, 5)] + ")),
    ])
    func anUnsupportedSettingIsRefusedByName(name: String, value: [UInt8]) throws {
        let error = try #require(throws: CheckpointError.self) { try open(cfg: settings(name, value)) }
        #expect(error.detail.hasPrefix("\(name):"), "\(error)")
    }

    @Test(arguments: ["wav2vec_seq2seq", "data2vec_audio", "hubert", "wav2vec"])
    func anotherModelIsRefusedByName(name: String) throws {
        let error = try #require(throws: CheckpointError.self) {
            try open(cfg: settings("_name", pickledString(name)))
        }
        #expect(error.kind == .configuration && error.detail.contains("\"\(name)\""), "\(error)")
    }

    @Test func aTensorOfAnotherModelIsNamed() throws {
        let error = try #require(throws: CheckpointError.self) {
            try open(cfg: settings("conv_feature_layers", pickledString("2 * [(4, 10, 5),] + [(3, 2, 1)] * 2")))
        }
        #expect(error.kind == .weights && error.detail.hasPrefix("w "), "\(error)")
    }

    @Test func aFileWithoutSettingsOrWeightsSaysWhatItIsNot() throws {
        #expect(throws: CheckpointError.self) { try open(cfg: [0x4E]) }
        let error = try #require(throws: CheckpointError.self) {
            try XLSRModel.load(testFolder + "/Goldens/layer-stable/model.safetensors", device: .simd)
        }
        #expect(error.description.contains(".pt"))
    }

    @Test(arguments: ["cfg", "args", "extra_state"])
    func callsInSettingsAreRefusedAndNeverExecuted(place: String) throws {
        try withTemporaryFolder { folder in
            let evidence = folder + "/executed"
            let text = { (text: String) in Array(text.utf8) }
            let command = pickledString("touch \(evidence)")
            for (name, call) in [
                ("posix.system", text("cposix\nsystem\n") + command + [0x85] + text("R")),
                ("builtins.eval", text("cbuiltins\neval\n") + command + [0x85] + text("R")),
                // A forbidden function as an argument of permitted ones.
                (
                    "copyreg._reconstructor",
                    text("ccopyreg\n_reconstructor\ncsubprocess\nPopen\ncbuiltins\nobject\nN") + [0x87] + text("R")
                ),
                ("_operator.getitem", text("c_operator\ngetitem\ncos\nsystem\n") + command + [0x86] + text("R")),
                ("functools.partial", text("cfunctools\npartial\ncos\nsystem\n") + [0x85] + text("R")),
                (
                    "posix.system",
                    text("cargparse\nNamespace\n)") + [0x81] + text("cposix\nsystem\n") + command + [0x85] + text("Rb")
                ),
            ] {
                let tensor = pickledTensor(sizes: [1], strides: [1], storageCount: 1)
                let object =
                    text("}") + pickledString("model") + tensor + text("s") + pickledString(place) + call + text("s")
                let file = legacyTorchFile(
                    object: object, keys: ["0"], storages: littleEndianBytes(Int64(1)) + [0, 0, 0, 0])
                let error = try #require(throws: CheckpointError.self) {
                    try FairseqCheckpoint.files(ArrayMemory(file), path: "test.pt") { _ in nil }
                }
                #expect(error.kind == .refused && error.description.contains(name), "\(name): \(error)")
            }
            #expect(!FileManager.default.fileExists(atPath: evidence))
        }
    }

    @Test func settingsThatContainThemselvesEnd() throws {
        // A namespace and an enumeration whose state and value are themselves, and a reference to itself.
        let namespace = Array("cargparse\nNamespace\n)".utf8) + [0x81, 0x94]
        let cyclic = namespace + Array("}".utf8) + pickledString("model") + Array("h\0sb".utf8)
        #expect(throws: CheckpointError.self) { try open(cfg: cyclic) }
        let reference = settings("encoder_layers", pickledString("${model.encoder_layers}"))
        let error = try #require(throws: CheckpointError.self) { try open(cfg: reference) }
        #expect(error.detail.hasPrefix("encoder_layers:"), "\(error)")
    }

    @Test(.timeLimit(.minutes(15)), arguments: checkpoints)
    func aThousandMutationsEndInErrorsOrTensors(checkpoint: (String, String)) throws {
        let original = try Array(Data(contentsOf: URL(filePath: "\(Self.folder)/\(checkpoint.0)")))
        let dictionary = try Array(Data(contentsOf: URL(filePath: "\(Self.folder)/dict.ltr.txt")))
        // Settings are a small part of a file: half of the damages go there.
        let settings =
            original.firstRange(of: Array("argparse".utf8)) ?? original.firstRange(of: Array("omegaconf".utf8))
        let start = try #require(settings).lowerBound
        var random = RandomSource(seed: 20)
        var (opened, refused) = (0, 0)
        for index in 0..<1000 {
            var mutant = original
            if index.isMultiple(of: 2) {
                let range = start..<min(original.count, start + 4000)
                mutant.replaceSubrange(range, with: mutated(Array(original[range]), &random))
            } else {
                mutant = mutated(original, &random)
            }
            do {
                let files = try FairseqCheckpoint.files(ArrayMemory(mutant), path: "memory.pt") { _ in
                    (mutated(dictionary, &random), "dict.ltr.txt")
                }
                _ = try XLSRModel.configuration(files)
                let tensors = try CheckpointTensors(files)
                for name in tensors.names { _ = try tensors.tensor(named: name).floats() }
                opened += 1
            } catch is CheckpointError {
                refused += 1
            }
        }
        #expect(opened > 0 && refused > 100, "\(opened) opened, \(refused) refused: both sides must be met")
    }
}

extension Golden {
    fileprivate init(checkpoint: String, file: String) throws {
        folder = checkpoint
        tensors = try CheckpointTensors(opening: file)
        metadata = try SafetensorsFile(MappedFile(path: file), path: file).metadata
    }
}
