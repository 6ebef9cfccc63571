import FoundationEssentials
import Testing
import XLSR

#if canImport(Glibc)
    import Glibc
#endif

/// Little-endian float32 0.5, as a format of printf.
private let half = #"\000\000\000\077"#

@Suite struct AudioFileTests {
    static let fakeFFmpeg =
        "/nonexistent:" + URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path
        + "/Fixtures/FakeFFmpeg"

    /// Reads a file for which the fake ffmpeg runs `commands`.
    func read(_ path: String, commands: String, sampleRate: Int = 16_000) throws -> AudioClip {
        try write(commands, to: path + ".commands")
        return try AudioFile.read(path: path, sampleRate: sampleRate, searchPath: Self.fakeFFmpeg)
    }

    func error(_ path: String, commands: String? = nil) throws -> AudioError {
        try #require(throws: AudioError.self) {
            if let commands { return try read(path, commands: commands) }
            return try AudioFile.read(path: path, sampleRate: 16_000, searchPath: "")
        }
    }

    @Test func waveFilesAreReadWithoutAnyProgramAndResampled() throws {
        try withTemporaryFolder { folder in
            let wav = WAVBuilder(channels: 2, sampleRate: 32_000, data: little([Int16](repeating: 8192, count: 4000)))
            try Data(wav.bytes).write(to: URL(filePath: folder + "/a.wav"))
            let clip = try AudioFile.read(path: folder + "/a.wav", sampleRate: 16_000, searchPath: "")
            #expect(clip.sampleRate == 16_000 && clip.samples.count == 1000)
            #expect(abs(clip.samples[500] - 0.25) < 1e-5)
        }
    }

    @Test func otherFormatsAreDecodedByFFmpeg() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/http:a.flac"
            try write("fLaC", to: path)
            // A pause inside a sample, and more on standard error than a pipe holds.
            let commands = #"""
                printf '%s\n' "$@" > "$input.arguments"
                i=0; while [ $i -lt 3000 ]; do echo "a line that nobody reads, forty characters" >&2; i=$((i+1)); done
                printf '\000\000\000'; sleep 0.05; printf '\077\000\000\000\077'
                """#
            #expect(
                try read(path, commands: commands, sampleRate: 8000)
                    == AudioClip(samples: [0.5, 0.5], sampleRate: 8000, source: path))
            let arguments = try String(contentsOfFile: path + ".arguments", encoding: .utf8)
            #expect(arguments.contains("\n-i\nfile:\(path)\n"))
            #expect(arguments.contains("\n-protocol_whitelist\nfile,pipe\n") && arguments.contains("\n-ar\n8000\n"))
        }
    }

    @Test func streamsAreReadWhole() throws {
        let wav = WAVBuilder(riffSize: .max, data: little([8192]), dataSize: .max).bytes
        let other = little(Float(0.5).bitPattern) + little(Float(-0.5).bitPattern)
        for (bytes, samples) in [(wav, [Float(0.25)]), (other, [0.5, -0.5])] {
            var ends: [Int32] = [-1, -1]
            try #require(pipe(&ends) == 0)
            #expect(Glibc.write(ends[1], bytes, bytes.count) == bytes.count)
            close(ends[1])
            defer { close(ends[0]) }
            let path = "/dev/fd/\(ends[0])"
            let clip = try AudioFile.read(path: path, sampleRate: 16_000, searchPath: Self.fakeFFmpeg)
            #expect(clip.samples == samples)
        }
    }

    @Test func codecsInsideWAVGoToFFmpeg() throws {
        try withTemporaryFolder { folder in
            let wav = WAVBuilder(tag: 2, bits: 4, data: [1, 2, 3, 4])
            try Data(wav.bytes).write(to: URL(filePath: folder + "/a.wav"))
            #expect(try read(folder + "/a.wav", commands: "printf '\(half)'").samples == [0.5])
            #expect(try error(folder + "/a.wav").detail.contains("ADPCM"))
        }
    }

    @Test(arguments: [
        ("echo first >&2; echo 'a.mp3: Invalid data' >&2; exit 183", "could not decode it: first; a.mp3: Invalid data"),
        ("kill -9 $$", "exit status 137"),
        ("exit 0", "no audio"),
        ("echo \"Stream map '0:a:0' matches no streams.\" >&2; exit 1", "no audio stream"),
        (#"printf '\#(half)\000\000\200\177'"#, "sample 1 is infinite"),
    ])
    func whatFFmpegSaysIsInTheError(commands: String, words: String) throws {
        try withTemporaryFolder { folder in
            try write("ID3", to: folder + "/a.mp3")
            let error = try error(folder + "/a.mp3", commands: commands)
            #expect(error.detail.contains(words), "\(error)")
            #expect(error.source == folder + "/a.mp3")
        }
    }

    @Test func withoutFFmpegTheErrorSaysHowToGetIt() throws {
        try withTemporaryFolder { folder in
            try write("OggS", to: folder + "/a.ogg")
            let error = try error(folder + "/a.ogg")
            #expect(error.kind == .noDecoder && error.detail.contains("Ogg audio"))
            #expect(error.remedy?.contains("apt-get install ffmpeg") == true)
        }
    }

    @Test func whatCannotBeAFileOfAudioIsSaid() throws {
        try withTemporaryFolder { folder in
            let missing = try error(folder + "/none.wav")
            #expect(missing.kind == .missingFile && missing.source == folder + "/none.wav")
            #expect(try error(folder).detail.contains("folder"))
            #expect(try error("/dev/null").detail.contains("device"))
            try write("", to: folder + "/empty.wav")
            #expect(try error(folder + "/empty.wav").detail.contains("empty"))
            #expect(try error(folder + "/empty.wav/a.wav").kind == .missingFile)
            try write("<!DOCTYPE html>", to: folder + "/a.mp3")
            #expect(try error(folder + "/a.mp3", commands: "printf '\(half)'").detail.contains("HTML"))
        }
    }

    @Test func manyProgramsAtOnceDoNotDisturbEachOther() async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/xlsr-tests-\(UInt64.random(in: 0...UInt64.max))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try write("fLaC", to: folder + "/a.flac")
        try write("sleep 0.05; printf '\(half)'", to: folder + "/a.flac.commands")
        try await withThrowingTaskGroup(of: [Float].self) { group in
            for _ in 0..<8 {
                group.addTask {
                    try AudioFile.read(
                        path: folder + "/a.flac", sampleRate: 16_000, searchPath: Self.fakeFFmpeg
                    ).samples
                }
            }
            for try await samples in group { #expect(samples == [0.5]) }
        }
    }
}
