import FoundationEssentials
import Testing
import XLSR

@Suite struct DecoderTests {
    private let languageModel =
        #filePath.split(separator: "/").dropLast(2).reduce("") { $0 + "/" + $1 } + "/XLSRTests/Fixtures/beam/demo.arpa"

    @Test func beamSearchHearsTheBundledRecording() throws {
        for arguments in [
            ["--decoder", "beam"], ["--lm", languageModel], ["--lm", languageModel, "--lm-weight=0.1"],
        ] {
            let run = try runProgram(programFolder() + "/xlsr", ["run", "--device", "simd", "--quiet"] + arguments)
            #expect(try run.status == 0 && run.text == expectedText() + "\n", "\(arguments) \(run.errors)")
        }
    }

    @Test func theNBestTextsAreInTheJSON() throws {
        let run = try xlsr(
            "run", "--device", "simd", "--quiet", "--format", "json", "--nbest", "4", "--lm", languageModel,
            "--hotword",
            "seven", "--hotword", "sev:2.5", "--hotword", "a:b")
        let json = try JSON(parsing: run.output, path: "output")
        let alternatives = try #require(json["alternatives"]?.array)
        #expect((1...4).contains(alternatives.count))
        #expect(alternatives.first?["text"] == json["text"])
        for alternative in alternatives {
            let scores = ["acoustic_score", "language_score", "total_score"].compactMap { alternative[$0]?.double }
            #expect(scores.count == 3 && abs(scores[0] + scores[1] - scores[2]) < 1e-3)
        }
        let greedy = try xlsr("run", "--device", "simd", "--quiet", "--format", "json")
        #expect(try JSON(parsing: greedy.output, path: "output")["alternatives"] == nil)
    }

    @Test func hotwordsAndLexiconsChangeTheText() throws {
        try withTemporaryFolder { folder in
            try Data("oh\none\n".utf8).write(to: URL(filePath: folder + "/words.txt"))
            let run = try xlsr("run", "--device", "simd", "--quiet", "--lexicon", folder + "/words.txt")
            let words = Set(run.text.split { $0 == " " || $0 == "\n" })
            #expect(run.status == 0 && words.isSubset(of: ["oh", "one"]), "\(run.text) \(run.errors)")
        }
    }

    @Test func verboseSaysWhichDecoderItWas() throws {
        let greedy = try xlsr("run", "--device", "simd", "--verbose")
        #expect(greedy.errorLines.contains("decoder: greedy"))
        let beam = try xlsr("run", "--device", "simd", "--verbose", "--beam-width", "7", "--lm", languageModel)
        let line = try #require(beam.errorLines.first { $0.hasPrefix("decoder: ") })
        #expect(line.contains("beam search of width 7") && line.contains(languageModel) && line.contains("order 3"))
    }

    /// A model folder with language_model/ is decoded with it unless told otherwise.
    @Test func aModelsOwnLanguageModelIsFoundAndUsed() throws {
        try withTemporaryFolder { folder in
            for (name, memory) in Demo.memories() {
                try Data(memory.withUnsafeBytes { Array($0) }).write(to: URL(filePath: folder + "/" + name))
            }
            let language = folder + "/language_model"
            try FileManager.default.createDirectory(atPath: language, withIntermediateDirectories: false)
            try FileManager.default.copyItem(atPath: languageModel, toPath: language + "/lm.arpa")
            try Data().write(to: URL(filePath: language + "/unigrams.txt"))
            let attributes = #"{"alpha": 0.3, "beta": 1.0, "unk_score_offset": -9.0, "score_boundary": true}"#
            try Data(attributes.utf8).write(to: URL(filePath: language + "/attrs.json"))
            func decoder(_ arguments: [String]) throws -> Substring {
                let all = ["run", "--device", "simd", "--verbose", "--model", folder] + arguments
                let run = try runProgram(programFolder() + "/xlsr", all)
                return try #require(run.errorLines.first { $0.hasPrefix("decoder: ") }, "\(run.errors)")
            }
            #expect(try decoder([]).contains("lm.arpa (ARPA, order 3"))
            #expect(try decoder(["--lm-weight", "0.25"]).contains("weight 0.25, word score 1.00"))
            #expect(try decoder(["--decoder", "greedy"]) == "decoder: greedy")
            #expect(try decoder(["--lm", "none"]) == "decoder: beam search of width 100, no language model")
        }
    }
}
