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
}
