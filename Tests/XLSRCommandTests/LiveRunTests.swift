import FoundationEssentials
import Glibc
import TensorEngine
import Testing
import XLSR

/// `F_SETPIPE_SZ`, which Swift's Glibc doesn't have.
private let setPipeSize: Int32 = 1031

@Suite struct LiveRunTests {
    /// A WAV stream of unknown length at the beginning of which `clips` are heard, each with a pause behind it.
    private func stream(_ clips: [Int]) throws -> [UInt8] {
        try streamHeader + clips.flatMap { try samples($0) }
    }

    /// 16 bits, mono, 16 kHz.
    private let streamHeader: [UInt8] =
        Array("RIFF".utf8) + [255, 255, 255, 255] + Array("WAVEfmt ".utf8) + [16, 0, 0, 0, 1, 0, 1, 0]
        + [0x80, 0x3E, 0, 0, 0, 0x7D, 0, 0, 2, 0, 16, 0] + Array("data".utf8) + [255, 255, 255, 255]

    private func samples(_ index: Int) throws -> [UInt8] {
        let clip = try Demo.recording(named: Demo.recordingNames[index]).samples + Array(repeating: 0, count: 20_000)
        return clip.flatMap { sample in
            let value = Int16(max(-32_768, min(32_767, (sample * 32_768).rounded())))
            return [UInt8(truncatingIfNeeded: value), UInt8(truncatingIfNeeded: value >> 8)]
        }
    }

    private func live(_ arguments: String..., clips: [Int]) throws -> CommandRun {
        try withTemporaryFolder { folder in
            try Data(stream(clips)).write(to: URL(filePath: folder + "/a.wav"))
            return try runProgram(
                programFolder() + "/xlsr", ["run", "--live"] + arguments, standardInput: folder + "/a.wav")
        }
    }

    @Test(.timeLimit(.minutes(2))) func whatIsSaidIsWrittenBeforeTheStreamEnds() throws {
        let (output, input) = try Subprocess.makePipe()
        defer { close(output) }
        // Room for what nobody has read yet.
        try #require(fcntl(input, setPipeSize, 1 << 20) >= 1 << 20)
        func send(_ bytes: [UInt8]) { #expect(bytes.withUnsafeBytes { HostSystem.writeAll($0, to: input) }) }
        send(try stream([0]))
        var text = ""
        var isOpen = true
        let second = try samples(1)
        let process = try Subprocess.run(programFolder() + "/xlsr", ["run", "--live"], standardInput: output) { bytes in
            text += String(decoding: bytes, as: UTF8.self)
            guard isOpen, text.hasSuffix("\n") else { return }
            // The first line has come while the stream was open.
            isOpen = false
            send(second)
            close(input)
        }
        #expect(process.exitStatus == 0 && !isOpen)
        #expect(try text == expectedText(0) + "\n" + expectedText(1) + "\n")
    }

    @Test func timesCountFromTheBeginningOfTheStream() throws {
        let run = try live("--format", "json", clips: [0, 1])
        let objects = try run.lines.map { try JSON(parsing: $0.utf8, path: "output") }
        #expect(try objects.map { $0["text"]?.string } == [expectedText(0), expectedText(1)])
        let begin = try Demo.recording(named: Demo.recordingNames[0]).seconds + 1.25
        let word = try #require(objects.last?["words"]?.array?.first)
        let start = try #require(word["start"]?.double)
        #expect(start > begin && start < begin + 1.5)
        #expect(try #require(objects.last?["start"]?.double) < start)
    }

    @Test func subtitlesAreOneDocument() throws {
        let run = try live("--format", "srt", clips: [0, 1])
        let cues = run.text.split(separator: "\n\n").map { $0.split(separator: "\n") }
        #expect(cues.map { $0.first.map(String.init) } == ["1", "2"])
        #expect(try cues.map { $0.last.map(String.init) } == [expectedText(0), expectedText(1)])
        #expect(try live("--format", "vtt", clips: [0]).text.hasPrefix("WEBVTT\n\n00:00:0"))
        #expect(try live("--format", "csv", clips: [0, 1]).lines.count { $0.hasPrefix("audio,") } == 1)
    }

    @Test func translationsAreThoseOfTheUtterances() throws {
        let model = goldensFolder + "/../Fixtures/translation/plain"
        let run = try live("--model", model, "--format", "json", clips: [0, 1])
        let objects = try run.lines.map { try JSON(parsing: $0.utf8, path: "output") }
        let bytes = try stream([0, 1])
        let clip = try AudioClip(wav: bytes, source: "stream")
        var splitter = UtteranceSplitter(sampleRate: clip.sampleRate)
        let utterances = splitter.add(clip.samples) + [splitter.finish()].compactMap { $0 }
        #expect(objects.count == utterances.count && objects.count >= 2)
        for (object, utterance) in zip(objects, utterances) {
            try withTemporaryFolder { folder in
                try writeClip(utterance.clip, to: folder + "/a.wav")
                let alone = try xlsr("run", "--model", model, folder + "/a.wav")
                #expect(alone.status == 0 && object["text"]?.string == alone.lines.first.map(String.init))
            }
            #expect(object["start"]?.double.map { abs($0 - utterance.start) < 1e-3 } == true)
            #expect(object["segments"]?.array?.first?["start"]?.double == object["start"]?.double)
        }
    }

    @Test func whatCantBeReadIsTold() throws {
        let empty = try xlsr("run", "--live", standardInput: "/dev/null")
        #expect(empty.status == 1 && empty.errors.contains("standard input: the stream is empty"))
        let missing = try xlsr("run", "--live", "/nonexistent.wav")
        #expect(missing.status == 1 && missing.errors.contains("/nonexistent.wav: no such file"))
    }

    @Test(arguments: [
        ["--live", "a.wav", "b.wav"], ["--live", "--output", "x"], ["--live", "--format", "textgrid"],
        ["--live", "--task", "features"], ["--live", "--chunk-seconds", "0"], ["--live", "--normalize", "file"],
        ["--live", "--split", "silence"], ["--pause-seconds", "1"], ["--live", "--pause-seconds", "0"],
    ])
    func whatNeedsAllOfTheAudioIsRefused(arguments: [String]) throws {
        let run = try runProgram(programFolder() + "/xlsr", ["run"] + arguments)
        #expect(run.status == 2 && run.errorLines.count == 1)
    }

    @Test(.timeLimit(.minutes(2))) func theFirstInterruptEndsTheInput() throws {
        let (output, input) = try Subprocess.makePipe()
        defer {
            close(output)
            close(input)
        }
        try #require(fcntl(input, setPipeSize, 1 << 20) >= 1 << 20)
        // An utterance that ends, by which the program is known to listen, and one that doesn't.
        let words = try samples(1)
        let bytes = try stream([0]) + words[..<(words.count - 2 * 20_000)]
        #expect(bytes.withUnsafeBytes { HostSystem.writeAll($0, to: input) })
        let (status, text) = try xlsr(["run", "--live"], standardInput: output, sending: SIGINT) {
            $0.split(separator: "\n").count == 1
        }
        #expect(status == 0)
        #expect(try text.split(separator: "\n").map(String.init) == [expectedText(0), expectedText(1)])
    }
}
