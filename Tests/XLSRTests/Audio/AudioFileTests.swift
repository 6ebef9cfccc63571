import FoundationEssentials
import Testing
import XLSR

@Suite struct AudioFileTests {
    /// A folder with an `ffmpeg` that runs `script`.
    func install(_ script: String, in folder: String) throws -> String {
        let tools = folder + "/tools"
        try FileManager.default.createDirectory(atPath: tools, withIntermediateDirectories: true)
        try write("#!/bin/sh\n" + script, to: tools + "/ffmpeg")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: tools + "/ffmpeg")
        return "/nonexistent:" + tools
    }

    func error(_ path: String, searchPath: String = "") throws -> AudioError {
        try #require(throws: AudioError.self) {
            try AudioFile.read(path: path, sampleRate: 16_000, searchPath: searchPath)
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
            // 0.5 twice, with a pause inside a sample, and more on standard error than a pipe holds.
            let searchPath = try install(
                #"""
                printf '%s\n' "$@" > "$0.arguments"
                i=0; while [ $i -lt 3000 ]; do echo "a line that nobody reads, forty characters" >&2; i=$((i+1)); done
                printf '\000\000\000'; sleep 0.05; printf '\077\000\000\000\077'
                """#, in: folder)
            try write("fLaC", to: folder + "/http:a.flac")
            let clip = try AudioFile.read(path: folder + "/http:a.flac", sampleRate: 8000, searchPath: searchPath)
            #expect(clip == AudioClip(samples: [0.5, 0.5], sampleRate: 8000))
            let arguments = try String(contentsOfFile: folder + "/tools/ffmpeg.arguments", encoding: .utf8)
            #expect(arguments.contains("\n-i\nfile:\(folder)/http:a.flac\n"))
            #expect(arguments.contains("\n-protocol_whitelist\nfile,pipe\n") && arguments.contains("\n-ar\n8000\n"))
        }
    }

    @Test func codecsInsideWAVGoToFFmpeg() throws {
        try withTemporaryFolder { folder in
            let searchPath = try install(#"printf '\000\000\000\077'"#, in: folder)
            let wav = WAVBuilder(tag: 2, bits: 4, data: [1, 2, 3, 4])
            try Data(wav.bytes).write(to: URL(filePath: folder + "/a.wav"))
            let clip = try AudioFile.read(path: folder + "/a.wav", sampleRate: 16_000, searchPath: searchPath)
            #expect(clip.samples == [0.5])
            #expect(try error(folder + "/a.wav").detail.contains("ADPCM"))
        }
    }

    @Test func whatFFmpegSaysIsInTheError() throws {
        try withTemporaryFolder { folder in
            try write("ID3", to: folder + "/a.mp3")
            let path = folder + "/a.mp3"
            var searchPath = try install("echo first >&2; echo \"$7: Invalid data\" >&2; exit 183", in: folder)
            #expect(try error(path, searchPath: searchPath).description.hasSuffix("first; file:\(path): Invalid data"))
            searchPath = try install("kill -9 $$", in: folder)
            #expect(try error(path, searchPath: searchPath).detail.contains("exit status 137"))
            searchPath = try install("exit 0", in: folder)
            #expect(try error(path, searchPath: searchPath).detail.contains("no audio"))
            searchPath = try install("echo \"Stream map '0:a:0' matches no streams.\" >&2; exit 1", in: folder)
            #expect(try error(path, searchPath: searchPath).detail.contains("no audio stream"))
            searchPath = try install(#"printf '\000\000\200\177'"#, in: folder)
            #expect(try error(path, searchPath: searchPath).kind == .notFinite)
        }
    }

    @Test func withoutFFmpegTheErrorSaysHowToGetIt() throws {
        try withTemporaryFolder { folder in
            try write("OggS", to: folder + "/a.ogg")
            let error = try error(folder + "/a.ogg", searchPath: folder)
            #expect(error.kind == .unsupported && error.detail.contains("Ogg audio"))
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
            try write("x", to: folder + "/x.wav")
            #expect(try error(folder + "/x.wav/y.wav").kind == .missingFile)
        }
    }

    @Test func manyFilesAtOnceDoNotDisturbEachOther() async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/xlsr-tests-\(UInt64.random(in: 0...UInt64.max))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let searchPath = try install(#"sleep 0.05; printf '\000\000\000\077'"#, in: folder)
        try write("fLaC", to: folder + "/a.flac")
        try await withThrowingTaskGroup(of: [Float].self) { group in
            for _ in 0..<8 {
                group.addTask {
                    try AudioFile.read(path: folder + "/a.flac", sampleRate: 16_000, searchPath: searchPath).samples
                }
            }
            for try await samples in group { #expect(samples == [0.5]) }
        }
    }
}
