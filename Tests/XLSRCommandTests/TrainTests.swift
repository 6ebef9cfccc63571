import FoundationEssentials
import Glibc
import Testing
import XLSR

@Suite struct TrainTests {
    /// Tones of two ranges of pitch, in a folder each.
    private static func writeTones(to folder: String) throws {
        for (label, pitch) in [("high", 1_500.0), ("low", 150)] {
            try FileManager.default.createDirectory(atPath: "\(folder)/\(label)", withIntermediateDirectories: true)
            for index in 0..<3 {
                let step = 2 * Double.pi * pitch * (1 + 0.1 * Double(index)) / 16_000
                let samples = (0..<8_000).map { Float(0.3 * sin(step * Double($0))) }
                try writeClip(AudioClip(samples: samples, sampleRate: 16_000), to: "\(folder)/\(label)/\(index).wav")
            }
        }
    }

    @Test func whatItWritesRuns() throws {
        try withTemporaryFolder { folder in
            let (data, out) = (folder + "/data", folder + "/out")
            try Self.writeTones(to: data)
            let run = try xlsr("train", "--device", "simd", data, out)
            #expect(run.status == 0 && run.errors.isEmpty)
            #expect(
                run.lines.prefix(2) == [
                    "labels      2",
                    "accuracy    100.0 %: 6 of 6 files, each third heard by a classifier of the others",
                ])
            #expect(
                run.lines.suffix(3).map { $0.split(separator: " ").joined(separator: " ") } == [
                    "label right taken for", "high 3 of 3", "low 3 of 3",
                ])
            let heard = try xlsr("run", "--model", out, "--top-k", "1", data + "/low/1.wav", data + "/high/2.wav")
            #expect(heard.lines.map { $0.split(separator: "\t")[1] } == ["low", "high"])
        }
    }

    @Test func aBrokenFileIsNamedAndTheOthersCount() throws {
        try withTemporaryFolder { folder in
            let (data, out) = (folder + "/data", folder + "/out")
            try Self.writeTones(to: data)
            try Data("low/1.wav\tlow\nnone.wav\tlow\nhigh/0.wav\thigh\n".utf8).write(
                to: URL(filePath: data + "/table.tsv"))
            let run = try xlsr("train", "--device", "simd", "--json", data + "/table.tsv", out)
            #expect(run.status == 1 && run.errorLines.count == 1 && run.errors.contains("none.wav: no such file"))
            let json = try JSON(parsing: run.output, path: "output")
            #expect(json["labels"]?.array?.compactMap(\.string) == ["high", "low"] && json["failures"]?.int == 1)
            #expect(json["accuracy"] == nil)

            let again = try xlsr("train", data, out)
            #expect(again.status == 2 && again.errors.contains("holds files already"))
        }
    }

    @Test func nothingIsLeftOfWhatCantBeDone() throws {
        try withTemporaryFolder { folder in
            let (data, out) = (folder + "/data", folder + "/out")
            try Self.writeTones(to: data)
            #expect(try xlsr("train", data + "/low", out).status == 1)
            #expect(try xlsr("train", data, data + "/low/1.wav").status == 2)
            #expect(try xlsr("train", data).status == 2)
            #expect(try xlsr("train", data, "-").status == 2)
            #expect(try xlsr("train", "--validation", "-", "-", out).status == 2)
            #expect(try names(in: folder) == ["data"])
        }
    }

    /// Bundled recordings, with what is said in them.
    private static func writeRecordings(to folder: String) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for index in 0..<3 {
            try writeRecording(index, to: "\(folder)/\(index).wav")
            try Data(expectedText(index).uppercased().utf8).write(to: URL(filePath: "\(folder)/\(index).txt"))
        }
    }

    @Test func whatLearnedTranscriptsRuns() throws {
        try withTemporaryFolder { folder in
            let (data, out) = (folder + "/data", folder + "/out")
            try Self.writeRecordings(to: data)
            let run = try xlsr(
                "train", "--task", "transcribe", "--lowercase", "--device", "simd", "--held-out", "0", "--epochs", "2",
                "--adapter-width", "8", "--save-minutes", "0", data, out)
            #expect(run.status == 0)
            #expect(run.errorLines.map { $0.prefix(20) } == ["epoch 1 of 2: loss 0", "epoch 2 of 2: loss 0"])
            #expect(
                run.lines.enumerated().filter { $0.offset != 2 }.map(\.element) == [
                    "files       3 learned from, 0 held out", "epochs      2, number 2 is written",
                    "vocabulary  37 tokens, the checkpoint's",
                    // 4 layers of 128: 4 · (19 · 128 + 8), and 37 tokens: 37 · 129.
                    "trained     adapters of width 8 and the head, 14533 numbers", "written     \(out)",
                ])
            let heard = try xlsr("run", "--model", out, data + "/0.wav")
            #expect(try heard.text == expectedText(0) + "\n")

            // What it wrote learns on.
            let again = try xlsr(
                "train", "--task", "transcribe", "--lowercase", "--device", "simd", "--validation", data, "--epochs",
                "1", "--json", "--quiet", "--train", "encoder", "--model", out, data, folder + "/again")
            #expect(again.status == 0 && again.errors.isEmpty)
            let json = try JSON(parsing: again.output, path: "output")
            #expect(json["trained"]?.string == "encoder" && json["adapter_width"]?.int == 8)
            #expect(json["files"]?.int == 3 && json["validation_files"]?.int == 3 && json["best_epoch"]?.int == 1)
            #expect(json["epochs"]?.array?.count == 1)
        }
    }

    @Test(arguments: [
        ["--epochs", "3"], ["--language", "deu"], ["--task", "translate"], ["--task", "transcribe", "--epochs", "0"],
        ["--task", "transcribe", "--train", "head"], ["--task", "transcribe", "--held-out", "1"],
        ["--task", "transcribe", "--device", "simd,simd"],
    ])
    func whatDoesNotGoTogetherIsRefused(options: [String]) throws {
        try withTemporaryFolder { folder in
            try Self.writeRecordings(to: folder + "/data")
            let run = try runProgram(
                programFolder() + "/xlsr", ["train"] + options + [folder + "/data", folder + "/out"])
            #expect(run.status == 2 && run.errorLines.count == 1)
            #expect(try names(in: folder) == ["data"])
        }
    }

    /// Trains for ever, until the third epoch begins and a signal comes.
    private static func train(
        _ options: String..., until signal: Int32, _ folder: String
    ) throws -> (status: Int32?, text: String) {
        try writeRecordings(to: folder + "/data")
        let arguments = ["train", "--task", "transcribe", "--lowercase", "--device", "simd", "--epochs", "100000"]
        return try xlsr(arguments + options + [folder + "/data", folder + "/out"], sending: signal) {
            $0.contains("epoch 2 of 100000")
        }
    }

    @Test(.timeLimit(.minutes(2))) func anInterruptEndsTrainingWithTheBestSoFar() throws {
        try withTemporaryFolder { folder in
            let (status, text) = try Self.train(until: SIGINT, folder)
            #expect(status == 0 && text.contains("written     \(folder)/out"))
            #expect(try xlsr("run", "--model", folder + "/out", folder + "/data/0.wav").status == 0)
        }
    }

    @Test(.timeLimit(.minutes(2))) func whatIsKilledLeavesTheBestSoFar() throws {
        try withTemporaryFolder { folder in
            let (status, _) = try Self.train("--save-minutes", "0", until: SIGKILL, folder)
            #expect(status != 0)
            #expect(try xlsr("run", "--model", folder + "/out", folder + "/data/0.wav").status == 0)
        }
    }
}
