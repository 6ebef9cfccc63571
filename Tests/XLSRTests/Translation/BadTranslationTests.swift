import Backends
import FoundationEssentials
import TensorEngine
import Testing
import XLSR

@Suite struct BadTranslationTests {
    /// What loading the fixture says after its files were changed.
    private func failure(
        _ name: String, _ change: (inout [String: [UInt8]]) throws -> Void, translates: Bool = false
    ) throws -> String {
        let folder = TranslationFixture.folder + "/" + name
        var files: [String: [UInt8]] = [:]
        for file in try FileManager.default.contentsOfDirectory(atPath: folder) {
            files[file] = Array(try Data(contentsOf: URL(filePath: folder + "/" + file)))
        }
        try change(&files)
        let checkpoint = CheckpointFiles(files.mapValues { ArrayMemory($0) }, path: "m")
        do {
            let model = try XLSRModel(checkpoint, name: "m", on: BackendRegistry.open(.simd))
            let clip = try TranslationFixture.clip(0)
            if translates { _ = try model.translate(clip.samples, sampleRate: clip.sampleRate) }
            return ""
        } catch { return "\(error)" }
    }

    private func edited(_ file: String, _ old: String, _ new: String) -> (inout [String: [UInt8]]) throws -> Void {
        { files in
            let text = String(decoding: files[file] ?? [], as: UTF8.self)
            #expect(text.contains(old))
            files[file] = Array(text.replacing(old, with: new).utf8)
        }
    }

    @Test func theFixtureItselfTranslates() throws {
        for name in TranslationFixture.names { #expect(try failure(name, { _ in }, translates: true) == "") }
    }

    @Test func widthsThatDifferNameTheTensor() throws {
        #expect(
            try failure("plain", edited("config.json", #""d_model": 30"#, #""d_model": 33"#))
                .contains("enc_to_dec_proj.weight is [30, 20], but config.json says [33, 20]"))
        #expect(
            try failure("plain", edited("config.json", #""decoder_ffn_dim": 37"#, #""decoder_ffn_dim": 38"#))
                .contains("decoder.model.decoder.layers.0.fc1.weight is [37, 30]"))
        #expect(
            try failure(
                "plain", edited("config.json", #""decoder_attention_heads": 3"#, #""decoder_attention_heads": 4"#)
            )
            .contains("decoder_attention_heads: 4 heads don't divide d_model 30"))
    }

    @Test func missingAndLeftOverWeightsAreNamed() throws {
        #expect(
            try failure("plain", edited("config.json", #""decoder_layers": 3"#, #""decoder_layers": 4"#))
                .contains("has no tensor decoder.model.decoder.layers.3"))
        #expect(
            try failure("plain", edited("config.json", #""decoder_layers": 3"#, #""decoder_layers": 2"#))
                .contains("decoder.model.decoder.layers.2"))
        #expect(
            try failure(
                "plain", edited("config.json", #""tie_word_embeddings": true"#, #""tie_word_embeddings": false"#)
            )
            .contains("has no tensor decoder.lm_head.weight"))
    }

    @Test func settingsThatCannotBeFollowedAreRefused() throws {
        let file = "generation_config.json"
        for (field, message) in [
            (#""do_sample": true"#, "do_sample: this way of generating is not supported"),
            (#""early_stopping": "soon""#, "early_stopping: is not true, false or"),
            (#""num_beams": 0"#, "num_beams: is 0"), (#""forced_bos_token_id": 63"#, "forced_bos_token_id: is 63"),
            (#""decoder_start_token_id": -1"#, "decoder_start_token_id: is -1"),
            (#""bad_words_ids": [[4]]"#, "bad_words_ids: this way"),
        ] {
            let name = field.prefix { $0 != ":" }
            let message2 = try failure("plain") { files in
                var lines = String(decoding: files[file] ?? [], as: UTF8.self).split(separator: "\n").map(String.init)
                lines.removeAll { $0.contains(name) }
                lines.insert(field + ",", at: 1)
                files[file] = Array(lines.joined(separator: "\n").utf8)
            }
            #expect(message2.contains("m/generation_config.json: \(message)"), "\(message2)")
        }
        #expect(
            try failure("plain", edited("config.json", #""model_type": "mbart""#, #""model_type": "bert""#))
                .contains("the decoder \"bert\" is not supported"))
    }

    @Test func aCutTokenizerIsAnErrorOfTranslationAlone() throws {
        let cut: (inout [String: [UInt8]]) -> Void = { $0["tokenizer.json"]?.removeLast(200) }
        #expect(try failure("plain", cut) == "")
        #expect(try failure("plain", cut, translates: true).hasPrefix("m/tokenizer.json: not valid JSON"))
        #expect(
            try failure("adapter", { $0["sentencepiece.bpe.model"]?.removeLast(9) }, translates: true)
                .hasPrefix("m/sentencepiece.bpe.model: cut off"))
        #expect(
            try failure("adapter", { $0["sentencepiece.bpe.model"] = nil }, translates: true)
                .contains("neither tokenizer.json nor sentencepiece.bpe.model is there"))
    }

    @Test func otherCheckpointsSayThatTheyDoNotTranslate() throws {
        let model = try Golden("layer-stable").model(on: BackendRegistry.open(.simd))
        let error = #expect(throws: CheckpointError.self) {
            try model.translate([0, 0], sampleRate: 16_000)
        }
        #expect(error?.description.contains("has no text decoder (Wav2Vec2ForCTC)") == true)
    }

    @Test func settingsThatMakeNoSenseAreUsageErrors() throws {
        let model = try TranslationFixture.model("plain", on: BackendRegistry.open(.simd))
        let clip = try TranslationFixture.clip(0)
        let changes: [(inout GenerationSettings) -> Void] = [
            { $0.beamCount = 0 }, { $0.resultCount = 6 }, { $0.maxLength = 65 }, { $0.maxLength = 1 },
            { $0.lengthPenalty = .nan }, { $0.repetitionPenalty = 0 }, { $0.startTokenID = 63 },
            { $0.forcedFirstTokenID = -1 }, { $0.endTokenIDs = [1_000] }, { $0.noRepeatNGramSize = -1 },
        ]
        for change in changes {
            var settings = try model.generationSettings()
            change(&settings)
            #expect(throws: UsageError.self) { try model.translate([clip], settings: settings) }
        }
        // Extreme ones, which nothing forbids.
        for (beams, lengthPenalty) in [(40, 100.0), (63, -100.0), (2, 0)] {
            var settings = try model.generationSettings()
            (settings.beamCount, settings.lengthPenalty, settings.noRepeatNGramSize) = (beams, lengthPenalty, 1)
            #expect(try model.translate([clip], settings: settings)[0].segments.count == 1)
        }
    }
}
