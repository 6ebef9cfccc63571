import FoundationEssentials
import Testing
import XLSR

@Suite struct ScoreTests {
    private func score(_ reference: String, _ hypothesis: String, _ options: String...) throws -> CommandRun {
        try withTemporaryFolder { folder in
            try Data(reference.utf8).write(to: URL(filePath: folder + "/ref"))
            try Data(hypothesis.utf8).write(to: URL(filePath: folder + "/hyp"))
            return try runProgram(
                programFolder() + "/xlsr", ["score"] + options + [folder + "/ref", folder + "/hyp"])
        }
    }

    @Test func ratesAreThoseOfAllLinesTogether() throws {
        let run = try score(
            "short one here\nquite a bit of longer sentence\n",
            "shoe order one\nquite bit of an even longest sentence here\n")
        #expect(run.status == 0 && run.errors.isEmpty)
        // As jiwer's documentation has it.
        #expect(
            run.text == """
                lines       2
                words       WER 88.89 %: 2 substitutions, 2 deletions, 4 insertions, 5 hits; 9 in the reference, 11 in the hypothesis
                            MER 61.54 %, WIL 74.75 %, WIP 25.25 %
                characters  CER 56.82 %: 5 substitutions, 4 deletions, 16 insertions, 35 hits; 44 in the reference, 56 in the hypothesis

                """)
        #expect(try score("A b.\n", "a b\n", "--lowercase", "--remove-punctuation").text.contains("WER 0.00 %"))
    }

    @Test func alignmentsShowLinesWithErrors() throws {
        let run = try score("u1\ta b\nu2\tc d\n", "u2\tc x\nu1\ta b\n", "--align")
        #expect(run.text.hasPrefix("line u2\nREF: c d\nHYP: c x\n       S\n\nlines       2\n"))
        #expect(run.lines.count { $0.hasPrefix("line ") } == 1)
    }

    @Test func jsonHasEveryMeasure() throws {
        let run = try score("a b c\nd\n", "a x c\nd e\n", "--json", "--align")
        let json = try JSON(parsing: run.output, path: "output")
        #expect(json["version"]?.int == 1 && json["lines"]?.int == 2)
        let words = try #require(json["words"])
        #expect(words["wer"]?.double == 0.5 && words["mer"]?.double == 0.4 && words["hits"]?.int == 3)
        #expect(words["substitutions"]?.int == 1 && words["insertions"]?.int == 1 && words["deletions"]?.int == 0)
        #expect(words["reference"]?.int == 4 && words["hypothesis"]?.int == 5)
        #expect(abs((words["wip"]?.double ?? 0) + (words["wil"]?.double ?? 0) - 1) < 1e-12)
        #expect(json["characters"]?["cer"]?.double == 0.5)
        #expect(
            json["alignments"]?.array?[0]["operations"]?.array?.compactMap(\.string) == [
                "equal", "substitute", "equal",
            ])
    }

    @Test func whatRunWritesForSeveralInputsIsAHypothesis() throws {
        try withTemporaryFolder { folder in
            try writeRecording(0, to: folder + "/a.wav")
            try writeRecording(1, to: folder + "/b.wav")
            let run = try xlsr("run", folder + "/b.wav", folder + "/a.wav")
            try Data(run.output).write(to: URL(filePath: folder + "/hyp"))
            let truth = "\(folder)/a.wav\t\(try expectedText(0))\n\(folder)/b.wav\t\(try expectedText(1))\n"
            try Data(truth.utf8).write(to: URL(filePath: folder + "/ref"))
            let score = try xlsr("score", folder + "/ref", "-", standardInput: folder + "/hyp")
            #expect(score.status == 0 && score.text.contains("WER 0.00 %"))
        }
    }

    @Test func filesThatDoNotFitAreOneLineAndExitStatusOne() throws {
        let run = try score("a\nb\n", "a\n")
        #expect(run.status == 1 && run.output.isEmpty && run.errorLines.count == 1)
        #expect(run.errors.contains("/hyp: 1 line, but ") && run.errors.contains("/ref has 2"))
        let missing = try xlsr("score", "/nowhere/ref", "/nowhere/hyp")
        #expect(missing.status == 1 && missing.errors.contains("/nowhere/ref: no such file"))
    }
}
