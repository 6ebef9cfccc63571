import Backends
import TensorEngine
import Testing
import XLSR

@Suite struct LanguageAdapterTests {
    private let golden: Golden

    init() throws {
        golden = try Golden("language-adapters")
    }

    private func text(_ language: String, _ index: Int) -> String? {
        golden.metadata[language == "eng" ? "text.\(index)" : "text.\(language).\(index)"]
    }

    /// What the model computes, against transformers with that adapter loaded.
    private func check(_ model: XLSRModel, _ language: String, _ device: GoldenDevice) throws {
        for index in 0..<golden.inputCount {
            let taps = Taps()
            let clip = try golden.clip(index, model)
            _ = try model.outputs(of: [clip], taps: taps)
            for name in ["hidden_states.1", "last_hidden_state", "logits"] {
                let record = try #require(taps[name])
                let expected = language == "eng" ? "\(name).\(index)" : "\(name).\(language).\(index)"
                try golden.compare(record.utterance(0).floats(), expected, device)
            }
            #expect(try model.transcribe([clip])[0].text == #require(text(language, index)))
        }
    }

    @Test(arguments: GoldenDevices.all)
    func everyLanguageIsWhatTransformersComputes(device: GoldenDevice) throws {
        let base = try golden.model(on: device.backend)
        #expect(base.language == "eng" && base.languages == ["deu", "eng", "fra"])
        for language in base.languages {
            try check(XLSRModel.load(golden.folder, on: device.backend, language: language), language, device)
        }
        // From one language to another, and back.
        var model = base
        for language in ["deu", "fra", "eng", "deu"] {
            model = try model.adapted(to: language)
            #expect(model.language == language)
            try check(model, language, device)
        }
        try check(base, "eng", device)
    }

    @Test(arguments: GoldenDevices.all)
    func aBatchInAnotherLanguageIsItsSingleRuns(device: GoldenDevice) throws {
        let model = try golden.model(on: device.backend).adapted(to: "fra")
        let clips = try [1, 0, 2, 1].map { try golden.clip($0, model) }
        let batch = try model.outputs(of: clips)
        let columns = model.configuration.vocabularySize
        let all = try #require(batch.logits).floats()
        for (place, clip) in clips.enumerated() {
            let single = try #require(model.outputs(of: [clip]).logits).floats()
            let rows = batch.segments[place]
            let part = Array(all[rows.lowerBound * columns..<rows.upperBound * columns])
            #expect(largestDifference(part, single) <= 1e-5 * largest(single))
        }
    }

    @Test(arguments: GoldenDevices.all)
    func adaptersWorkAtEveryPrecision(device: GoldenDevice) throws {
        let allowed: [(Precision, Float)] = [(.float16, 0.02), (.bfloat16, 0.1), (.int8, 0.2)]
        for (precision, tolerance) in allowed {
            let model = try XLSRModel.load(golden.folder, on: device.backend, precision: precision).adapted(to: "deu")
            let logits = try #require(model.outputs(of: [golden.clip(1, model)]).logits).floats()
            let expected = try golden.tensors.tensor(named: "logits.deu.1").floats()
            let difference = largestDifference(logits, expected) / largest(expected)
            #expect(difference <= tolerance, "\(precision.weights) on \(device): \(difference)")
        }
    }

    @Test func switchingSharesTheEncoder() throws {
        // A backend of its own: other tests allocate on the shared ones at the same time.
        let backend = try BackendRegistry.open(.simd)
        let base = try golden.model(on: backend)
        let baseByteCount = backend.pool.statistics.usedByteCount
        let others = try (0..<4).map { _ in try base.adapted(to: "deu") }
        let addedByteCount = backend.pool.statistics.usedByteCount - baseByteCount
        #expect(others.count == 4 && addedByteCount > 0)
        #expect(addedByteCount / 4 < baseByteCount / 2, "\(addedByteCount) of \(baseByteCount) bytes")
    }

    // MARK: Bad input

    private func error(_ language: String?, files: [String: any HostMemory]) throws -> CheckpointError {
        try #require(throws: CheckpointError.self) {
            try XLSRModel(
                CheckpointFiles(files, path: "model"), name: "model", on: GoldenDevices.all[0].backend,
                language: language)
        }
    }

    private func files() throws -> [String: any HostMemory] {
        let names = [
            "config.json", "vocab.json", "tokenizer_config.json", "preprocessor_config.json", "model.safetensors",
            "adapter.deu.safetensors", "adapter.fra.bin",
        ]
        return try Dictionary(uniqueKeysWithValues: names.map { ($0, try MappedFile(path: "\(golden.folder)/\($0)")) })
    }

    @Test(arguments: [("deo", "deu"), ("de", "deu"), ("German", "deu"), ("fr-CA", "fra"), ("English", "eng")])
    func anUnknownLanguageListsTheKnownOnesAndTheNearOne(language: String, near: String) throws {
        let model = try golden.model(on: GoldenDevices.all[0].backend)
        for error in [
            try error(language, files: files()),
            try #require(throws: CheckpointError.self) { try model.adapted(to: language) },
        ] {
            #expect(error.description.contains("did you mean \(near)?"), "\(error)")
            #expect(error.description.contains("deu, eng, fra"), "\(error)")
        }
    }

    @Test func ofHundredsOfLanguagesAFewAreListed() throws {
        var files = try files()
        for index in 100..<500 { files["adapter.l\(index).bin"] = files["adapter.fra.bin"] }
        let error = try error("xyz", files: files)
        #expect(error.description.contains("and 391 more") && error.description.count < 300, "\(error)")
    }

    @Test func aMissingAdapterSaysHowToGetIt() throws {
        let error = try error("ita", files: files())
        #expect(error.kind == .missingFile && error.description.contains("download adapter.ita.safetensors"))
    }

    @Test(arguments: ["../deu", "deu.safetensors", "", "deu\0"])
    func aLanguageNamesNoOtherFile(language: String) throws {
        #expect(try error(language, files: files()).kind == .missingFile)
    }

    @Test func anAdapterOfAnotherWidthIsRefused() throws {
        var files = try files()
        let bytes = try MappedFile(path: golden.folder + "/config.json").contents(limit: 1 << 20, path: "config.json")
        let config = String(decoding: bytes, as: UTF8.self)
        let other = config.replacing("\"adapter_attn_dim\": 6", with: "\"adapter_attn_dim\": 16")
        try #require(other != config)
        files["config.json"] = ArrayMemory(Array(other.utf8))
        let error = try error("deu", files: files)
        #expect(error.path == "model/adapter.deu.safetensors")
        #expect(error.detail.contains("width 6") && error.detail.contains("adapter_attn_dim 16"), "\(error)")
    }

    @Test func aFileThatIsNoAdapterOrBrokenIsNamed() throws {
        var files = try files()
        files["adapter.deu.safetensors"] = try MappedFile(path: testFolder + "/Goldens/layer-stable/model.safetensors")
        #expect(try error("deu", files: files).detail.contains("no language adapter"))
        files["adapter.deu.safetensors"] = ArrayMemory([1, 2, 3])
        #expect(try error("deu", files: files).path == "model/adapter.deu.safetensors")
    }

    @Test func aCheckpointWithoutItsOwnAdapterNeedsALanguage() throws {
        var files = try files()
        let checkpoint = try CheckpointTensors(opening: golden.folder)
        let tensors = try checkpoint.names.filter { !$0.contains("adapter_layer") }.map {
            (name: $0, array: try checkpoint.tensor(named: $0))
        }
        try withTemporaryFolder { folder in
            try SafetensorsWriter.write(tensors, to: folder + "/model.safetensors")
            files["model.safetensors"] = try MappedFile(path: folder + "/model.safetensors")
            #expect(try error(nil, files: files).description.contains("name a language (--language), one of deu"))
            let model = try XLSRModel(
                CheckpointFiles(files, path: "model"), name: "model", on: GoldenDevices.all[0].backend, language: "fra")
            #expect(try model.transcribe([golden.clip(1, model)])[0].text == text("fra", 1))
        }
    }

    @Test func aCheckpointWithoutAdaptersSaysSo() throws {
        let model = try Golden("layer-stable").model(on: GoldenDevices.all[0].backend)
        #expect(model.languages.isEmpty && model.language == nil)
        let error = try #require(throws: CheckpointError.self) { try model.adapted(to: "deu") }
        #expect(error.description.contains("adapter_attn_dim"))
    }
}
