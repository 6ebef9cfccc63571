import FoundationEssentials
import Testing
import XLSR

@Suite struct AlignTests {
    @Test func wordsHaveTheirTimesInColumns() throws {
        try withTemporaryFolder { folder in
            try writeRecording(to: folder + "/a.wav")
            for text in ["Three, one FOUR!", folder + "/a.txt", folder + "/a.bom"] {
                try Data("Three, one\r\nFOUR!\n".utf8).write(to: URL(filePath: folder + "/a.txt"))
                try Data("\u{FEFF}Three, one FOUR!".utf8).write(to: URL(filePath: folder + "/a.bom"))
                let run = try xlsr("align", folder + "/a.wav", text)
                #expect(run.status == 0 && run.errors.isEmpty)
                let rows = run.lines.map { $0.split(separator: " ") }
                #expect(rows.map { $0[3] } == ["Three,", "one", "FOUR!"])
                let times = rows.flatMap { $0[..<2].compactMap { Double($0) } }
                #expect(times.count == 6 && times == times.sorted() && times[0] > 0.3 && times[5] < 2.7)
            }
            let piped = try xlsr("align", folder + "/a.wav", "-", standardInput: folder + "/a.txt")
            #expect(piped.status == 0 && piped.lines.count == 3)
        }
    }

    @Test func pairsAreReportedOneByOneAndTheRestStillRuns() throws {
        try withTemporaryFolder { folder in
            try writeRecording(0, to: folder + "/a.wav")
            try writeRecording(1, to: folder + "/b.wav")
            try Data([0xFF, 0xFE]).write(to: URL(filePath: folder + "/bad.txt"))
            let (a, b, long) = (folder + "/a.wav", folder + "/b.wav", String(repeating: "seven ", count: 99))
            let run = try xlsr(
                "align", a, try expectedText(0), a, "", folder + "/none.wav", "one", a, folder + "/none.txt", a,
                folder + "/bad.txt", b, long, b, "привет", b, try expectedText(1))
            #expect(run.status == 1 && run.lines.count == 3 + 5)
            #expect(run.lines[0].hasPrefix(a + "\t") && run.lines[7].hasPrefix(b + "\t"))
            for message in [
                "the text of \(a): no words to align", "none.wav: no such file", "none.txt: no such file",
                "bad.txt: not UTF-8", "needs at least 593 frames (11.86 s), but the audio has",
                "the text of \(b): none of its characters is in the model's vocabulary",
            ] {
                #expect(run.errors.contains(message), "\(message) \(run.errors)")
            }
            #expect(run.errorLines.count == 6)
        }
    }

    @Test func everyFormatIsWritten() throws {
        try withTemporaryFolder { folder in
            try writeRecording(to: folder + "/a.wav")
            try Data("three one\nfour".utf8).write(to: URL(filePath: folder + "/a.txt"))
            func text(_ format: String, _ more: String...) throws -> String {
                let arguments = ["align", folder + "/a.wav", folder + "/a.txt", "--format", format] + more
                let run = try runProgram(programFolder() + "/xlsr", arguments)
                #expect(run.status == 0 && run.errors.isEmpty)
                return run.text
            }
            let json = try JSON(parsing: text("json", "--timestamps", "char").utf8, path: "output")
            #expect(json["version"]?.int == 1 && json["text"]?.string == "three one\nfour")
            #expect(json["words"]?.array?.count == 3 && json["characters"]?.array?.count == 14)
            #expect(try text("srt").contains("\nthree one\n\n2\n"))
            #expect(try text("lrc", "--timestamps", "word").split(separator: "\n").count == 2)
            #expect(try text("textgrid").hasPrefix("File type = \"ooTextFile\""))
            #expect(try text("ctm").split(separator: "\n").allSatisfy { $0.hasPrefix("a 1 ") })
            #expect(try text("rttm").hasPrefix("SPEAKER a 1 "))
            #expect(try text("csv").hasPrefix("audio,start,end,word,confidence\r\n"))
            #expect(try text("vtt").hasPrefix("WEBVTT\n") && text("tsv").hasPrefix("start\t"))
            let run = try xlsr(
                "align", "--format", "textgrid", "--output", folder + "/out", folder + "/a.wav", folder + "/a.txt",
                folder + "/none.wav", "x")
            #expect(run.status == 1)
            #expect(try names(in: folder + "/out") == ["a.TextGrid"])
        }
    }

    @Test func wordsThatTheVocabularyLacksAreNamed() throws {
        try withTemporaryFolder { folder in
            try writeRecording(to: folder + "/a.wav")
            let run = try xlsr("align", folder + "/a.wav", "three 1 four")
            #expect(run.status == 0 && run.lines.count == 3 && run.errorLines.count == 1)
            #expect(
                run.errors.contains("1 word with characters that the vocabulary lacks") && run.errors.hasSuffix(": 1\n")
            )
            #expect(try xlsr("align", "--quiet", folder + "/a.wav", "three 1 four").errors.isEmpty)
        }
    }

    @Test func splitAtSilencesHearsTheSame() throws {
        try withTemporaryFolder { folder in
            try writeRecording(0, to: folder + "/a.wav")
            let options = [
                "run", "--chunk-seconds", "1.5", "--split", "silence", "--format", "rttm", folder + "/a.wav",
            ]
            let run = try runProgram(programFolder() + "/xlsr", options)
            #expect(run.status == 0 && !run.lines.isEmpty && run.lines.allSatisfy { $0.hasPrefix("SPEAKER a 1 ") })
            let text = try runProgram(programFolder() + "/xlsr", Array(options[..<5]) + [folder + "/a.wav"])
            #expect(try text.text == expectedText(0) + "\n")
        }
    }
}
