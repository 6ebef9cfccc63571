import FoundationEssentials
import TensorEngine
import Testing
import XLSR

@Suite struct LanguageTests {
    private let adapters = goldensFolder + "/language-adapters"
    private let classifier = goldensFolder + "/language-classifier"
    private let fairseq = goldensFolder + "/fairseq"

    /// Writes the inputs of a golden as WAV files; returns their paths and the golden's metadata.
    private func inputs(_ golden: String, in folder: String) throws -> (paths: [String], metadata: [String: String]) {
        let path = "\(goldensFolder)/\(golden).safetensors"
        let tensors = try CheckpointTensors(opening: path)
        let paths = try (0..<3).map { index in
            let samples = try tensors.tensor(named: "input.\(index)").floats()
            try writeClip(AudioClip(samples: samples, sampleRate: 16_000), to: "\(folder)/\(index).wav")
            return "\(folder)/\(index).wav"
        }
        return (paths, try SafetensorsFile(MappedFile(path: path), path: path).metadata)
    }

    @Test func aLanguageIsChosenAndWrittenIntoJSON() throws {
        try withTemporaryFolder { folder in
            let (paths, metadata) = try inputs("language-adapters/golden", in: folder)
            let run = try xlsr("run", "--model", adapters, "--language", "deu", "--format", "json", paths[1])
            let object = try JSON(parsing: run.output, path: "output")
            #expect(object["text"]?.string == metadata["text.deu.1"] && object["language"]?.string == "deu")
            #expect(object["language_probability"] == nil)
            #expect(try xlsr("run", "--model", adapters, paths[1]).lines.first.map(String.init) == metadata["text.1"])
        }
    }

    @Test func theLanguageOfEachInputIsFoundOut() throws {
        try withTemporaryFolder { folder in
            let (paths, metadata) = try inputs("language-adapters/golden", in: folder)
            let run = try xlsr(
                "run", "--model", adapters, "--language", "auto", "--lid", classifier, "--format", "json", "--verbose",
                paths[0], paths[1], folder + "/none.wav", paths[1], paths[2])
            #expect(run.status == 1 && run.errors.contains("none.wav: no such file"))
            let objects = try run.lines.map { try JSON(parsing: $0.utf8, path: "output") }
            #expect(objects.map { $0["language"]?.string } == ["deu", "fra", "fra", "eng"])
            let expected = ["text.deu.0", "text.fra.1", "text.fra.1", "text.2"].map { metadata[$0] }
            #expect(objects.map { $0["text"]?.string } == expected)
            let probability = try #require(metadata["probability.0"].flatMap(Double.init))
            #expect(try #require(objects[0]["language_probability"]?.double) - probability < 1e-3)
            #expect(run.errors.contains("1.wav: language fra (fr, probability 0.4"), "\(run.errors)")
        }
    }

    @Test(arguments: [
        (["--language", "auto"], "--lid"), (["--lid", "x"], "--language auto"),
        (["--language", "auto", "--lid", "CLASSIFIER", "--task", "features", "--output", "/dev/null"], "transcripts"),
    ])
    func optionsThatDontGoTogetherAreUsageErrors(options: [String], expected: String) throws {
        let arguments = ["run", "--model", adapters] + options.map { $0 == "CLASSIFIER" ? classifier : $0 }
        let run = try runProgram(programFolder() + "/xlsr", arguments)
        #expect(run.status == 2 && run.errors.contains(expected), "\(run.errors)")
    }

    @Test func infoListsTheLanguages() throws {
        #expect(try xlsr("info", adapters).text.contains("deu eng fra"))
        let object = try JSON(parsing: try xlsr("info", "--json", adapters).output, path: "output")
        #expect(object["adapter_languages"]?.array?.compactMap(\.string) == ["deu", "eng", "fra"])
    }

    @Test func aFairseqFileRunsIsDescribedAndConverted() throws {
        try withTemporaryFolder { folder in
            let (paths, metadata) = try inputs("fairseq/golden-ctc", in: folder)
            let expected = try #require(metadata["text.1"])
            #expect(try xlsr("run", "--model", fairseq + "/ctc-args.pt", paths[1]).text == expected + "\n")
            #expect(try xlsr("info", fairseq + "/ctc-args.pt").text.contains("blank '<s>' (0)"))
            let out = folder + "/converted"
            #expect(try xlsr("convert", fairseq + "/whole/ctc-cfg.pt", out).status == 0)
            #expect(
                try names(in: out) == [
                    "config.json", "model.safetensors", "preprocessor_config.json", "tokenizer_config.json",
                    "vocab.json",
                ])
            #expect(try xlsr("run", "--model", out, paths[1]).text == expected + "\n")
            // A folder that Hugging Face wrote has another ε, which fairseq's differs from.
            let settings = out + "/preprocessor_config.json"
            let text = try contents(settings).replacing("normalization_epsilon", with: "other")
            try Data(text.utf8).write(to: URL(filePath: settings))
            #expect(try xlsr("run", "--model", out, paths[1]).text != expected + "\n")
            #expect(try xlsr("run", "--model", out, "--normalize", "fairseq", paths[1]).text == expected + "\n")
        }
    }
}
