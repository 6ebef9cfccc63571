import Dispatch
import Glibc
import Synchronization
import TensorEngine
import Testing
import XLSR

@Suite struct WAVStreamTests {
    /// What a stream gives whose bytes come in blocks, the next one when the last was read.
    private func read(_ bytes: [UInt8], block: Int = 1 << 20) throws -> (rate: Int, samples: [Float]) {
        let (output, input) = try Subprocess.makePipe()
        defer { close(output) }
        let writer = DispatchGroup()
        DispatchQueue(label: "writer").async(group: writer) {
            for start in stride(from: 0, to: bytes.count, by: block) {
                let part = bytes[start..<min(start + block, bytes.count)]
                _ = part.withUnsafeBytes { HostSystem.writeAll($0, to: input) }
            }
            close(input)
        }
        defer { writer.wait() }
        var stream = try WAVStream(output, source: "pipe")
        var samples: [Float] = []
        while let next = try stream.next() { samples += next }
        return (stream.sampleRate, samples)
    }

    private func error(_ bytes: [UInt8]) throws -> AudioError {
        try #require(throws: AudioError.self) { try read(bytes) }
    }

    private static let files: [WAVBuilder] = [
        WAVBuilder(data: little((0..<3000).map { Int16($0) })),
        WAVBuilder(channels: 2, sampleRate: 44_100, bits: 24, data: (0..<6000).map { UInt8(truncatingIfNeeded: $0) }),
        WAVBuilder(tag: 7, sampleRate: 8000, bits: 8, data: (0..<777).map { UInt8(truncatingIfNeeded: $0) }),
        WAVBuilder(
            bits: 32, subformat: 3, before: WAVBuilder.chunk("JUNK", [1, 2, 3]),
            between: WAVBuilder.chunk("LIST", Array(repeating: 7, count: 101)),
            data: (0..<500).flatMap { little((Float($0) / 7).bitPattern) }),
    ]

    @Test(arguments: files.indices, [1, 7, 4096]) func givesWhatTheFileGives(file: Int, block: Int) throws {
        let bytes = Self.files[file].bytes
        let clip = try AudioClip(wav: bytes, source: "file")
        let stream = try read(bytes, block: block)
        #expect(stream.rate == clip.sampleRate && stream.samples == clip.samples)
    }

    @Test(arguments: [0, 0x7FFF_F000, .max] as [UInt32]) func unknownLengthsEndWithTheStream(size: UInt32) throws {
        let wav = WAVBuilder(riffSize: size, data: little([1, 2, 3]), dataSize: size)
        #expect(try read(wav.bytes).samples.count == 3)
    }

    @Test func whatFollowsTheSamplesIsLeft() throws {
        let wav = WAVBuilder(after: WAVBuilder.chunk("LIST", [1, 2, 3, 4]), data: little([1, 2, 3]))
        #expect(try read(wav.bytes).samples.count == 3)
        #expect(try read(WAVBuilder(data: little([1, 2]), dataSize: 400).bytes).samples.count == 2, "cut, but heard")
    }

    @Test func whatIsNoWAVIsRefused() throws {
        #expect(try error([]).description.contains("pipe: the stream is empty"))
        let text = try error(Array("hello".utf8))
        #expect(text.kind == .unsupported && text.description.contains("ffmpeg"))
        #expect(try error(Array("fLaC\0\0\0\u{22}....................".utf8)).description.contains("FLAC"))
        let bytes = Self.files[0].bytes
        for count in [12, 19, 30, 43] {
            let cut = try error(Array(bytes[..<count]))
            #expect(cut.kind == .malformed && cut.description.contains("cut"))
        }
        let noFormat = Array(bytes[..<12]) + WAVBuilder.chunk("data", [1, 2])
        #expect(try error(noFormat).description.contains("no format chunk"))
        let endless = Array(bytes[..<12]) + Array("JUNK".utf8) + little(UInt32.max - 9)
        #expect(try error(endless).description.contains("before the samples"))
        let nan = WAVBuilder(tag: 3, bits: 32, data: little(Float.nan.bitPattern))
        #expect(try error(nan.bytes).kind == .notFinite)
    }

    @Test func endsWhenItIsStopped() throws {
        let (output, input) = try Subprocess.makePipe()
        defer {
            close(output)
            close(input)
        }
        let bytes = WAVBuilder(data: little([1, 2, 3]), dataSize: .max).bytes
        #expect(bytes.withUnsafeBytes { write(input, $0.baseAddress, $0.count) } == bytes.count)
        let questions = Atomic(0)
        var stream = try WAVStream(output, source: "pipe") {
            questions.wrappingAdd(1, ordering: .relaxed).newValue > 20
        }
        #expect(try stream.next()?.count == 3)
        #expect(try stream.next() == nil, "though nobody has closed the pipe")
    }
}
