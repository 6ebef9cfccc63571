import TensorEngine
import Testing
import XLSR

@Suite struct WAVReaderTests {
    func clip(_ wav: WAVBuilder) throws -> AudioClip {
        try AudioClip(wav: wav.bytes, source: "a.wav")
    }

    /// The error of a file that must not be read.
    func error(_ bytes: [UInt8], source: String = "a.wav") throws -> AudioError {
        try #require(throws: AudioError.self) { try AudioClip(wav: bytes, source: source) }
    }

    @Test func integersScaleToMinusOneToOne() throws {
        let eight = WAVBuilder(bits: 8, data: [0, 64, 128, 255])
        #expect(try clip(eight).samples == [-1, -0.5, 0, 127.0 / 128])
        let sixteen = WAVBuilder(data: little([Int16.min, -1, 0, 16384, .max]))
        #expect(try clip(sixteen).samples == [-1, -1.0 / 32768, 0, 0.5, 32767.0 / 32768])
        let twentyFour = WAVBuilder(bits: 24, data: [0, 0, 0x80, 0xFF, 0xFF, 0xFF, 0, 0, 0x40, 0x03, 0x02, 0x01])
        #expect(try clip(twentyFour).samples == [-1, -0x1p-23, 0.5, Float(0x010203) / 0x1p23])
        let thirtyTwo = WAVBuilder(bits: 32, data: [Int32.min, 0, 1 << 30, -256].flatMap { little($0) })
        #expect(try clip(thirtyTwo).samples == [-1, 0, 0.5, -256 / 0x1p31])
    }

    @Test func floatsAreKeptEvenBeyondOne() throws {
        let single: [Float] = [0.25, -1.5, 1e-30]
        let narrow = WAVBuilder(tag: 3, bits: 32, data: single.flatMap { little($0.bitPattern) })
        #expect(try clip(narrow).samples == single)
        let double = [0.25, -1.5, 1e-30]
        let wide = WAVBuilder(tag: 3, bits: 64, data: double.flatMap { little($0.bitPattern) })
        #expect(try clip(wide).samples == double.map { Float($0) })
    }

    /// Values of the tables of ITU-T G.711, 16-bit scale.
    @Test func telephoneLawsDecode() throws {
        let muLaw = WAVBuilder(tag: 7, sampleRate: 8000, bits: 8, data: [0x00, 0x80, 0xFF, 0x7F, 0xF0, 0x0F])
        #expect(try clip(muLaw).samples.map { $0 * 32768 } == [-32124, 32124, 0, 0, 120, -16764])
        let aLaw = WAVBuilder(tag: 6, sampleRate: 8000, bits: 8, data: [0x2A, 0xAA, 0xD5, 0x55, 0xC5, 0x00])
        #expect(try clip(aLaw).samples.map { $0 * 32768 } == [-32256, 32256, 8, -8, 264, -5504])
        #expect(try clip(aLaw).sampleRate == 8000)
    }

    @Test func channelsAreAveraged() throws {
        let stereo = WAVBuilder(channels: 2, data: little([1000, 3000, -4, 4, 7]))
        #expect(try clip(stereo).samples == [2000.0 / 32768, 0], "a partial last frame is dropped")
        let loud: [Float] = [3e38, 3e38, 3e38]
        let three = WAVBuilder(tag: 3, channels: 3, bits: 32, data: loud.flatMap { little($0.bitPattern) })
        #expect(try abs(clip(three).samples[0] / 3e38 - 1) < 1e-6, "finite channels have a finite mean")
    }

    @Test func extensibleFormatsAreReadByTheirSubformat() throws {
        let twentyIn24 = WAVBuilder(bits: 24, subformat: 1, validBits: 20, data: [0, 0, 0x40])
        #expect(try clip(twentyIn24).samples == [0.5])
        let float = WAVBuilder(bits: 32, subformat: 3, data: little(Float(0.5).bitPattern))
        #expect(try clip(float).samples == [0.5])
        let twelve = WAVBuilder(bits: 12, data: little([Int16(0x4000)]))
        #expect(try clip(twelve).samples == [0.5])
    }

    @Test func chunksMayComeInAnyOrderAndOddSizesArePadded() throws {
        let odd = WAVBuilder.chunk("LIST", [1, 2, 3]) + WAVBuilder.chunk("JUNK", [])
        let bext = WAVBuilder.chunk("bext", Array("fmt data".utf8) + [9])
        let wav = WAVBuilder(before: odd, between: bext, after: odd, data: little([Int16(8192)]))
        #expect(try clip(wav).samples == [0.25])

        let empty = WAVBuilder()
        let swapped = WAVBuilder.chunk("data", [64]) + WAVBuilder(bits: 8).formatChunk
        #expect(try AudioClip(wav: Array(empty.bytes[..<12]) + swapped, source: "a").samples == [-0.5])
    }

    @Test(arguments: [0, UInt32.max, 0x7FFF_F000, 0x8000_0000])
    func dataSizesOfStreamsMeanToTheEnd(size: UInt32) throws {
        let wav = WAVBuilder(riffSize: size == 0 ? 36 : .max, data: little([8192, 16384]), dataSize: size)
        #expect(try clip(wav).samples == [0.25, 0.5])
    }

    @Test func sixtyFourBitHeadersAreRead() throws {
        let ds64 = WAVBuilder.chunk("ds64", little(UInt64(100)) + little(UInt64(4)) + little(UInt64(2)))
        for riff in ["RF64", "BW64"] {
            let wav = WAVBuilder(
                riff: riff, riffSize: .max, before: ds64, after: WAVBuilder.chunk("LIST", [1, 2]),
                data: little([8192, 16384]), dataSize: .max)
            #expect(try clip(wav).samples == [0.25, 0.5])
        }
        let lying = WAVBuilder.chunk("ds64", [UInt8](repeating: 0xFF, count: 28))
        let wav = WAVBuilder(riff: "RF64", before: lying, data: little([8192]), dataSize: .max)
        #expect(try error(wav.bytes).detail.contains("cut"))
    }

    @Test func headersThatMakeNoSenseAreNamed() throws {
        let data = little([1, 2])
        let cases: [(WAVBuilder, String)] = [
            (WAVBuilder(channels: 0, data: data), "zero channels"),
            (WAVBuilder(sampleRate: 0, data: data), "rate of zero"),
            (WAVBuilder(sampleRate: 4_000_000_000, data: data), "4000000000 Hz"),
            (WAVBuilder(sampleRate: 10, data: data), "10 Hz"),
            (WAVBuilder(blockAlign: 3, data: data), "3 bytes a frame"),
            (WAVBuilder(channels: 65535, data: data), "bytes a frame"),
            (WAVBuilder(bits: 16, subformat: 1, validBits: 17, data: data), "valid bits"),
            (WAVBuilder(data: []), "no samples"),
            (WAVBuilder(after: WAVBuilder.chunk("LIST", [1, 2]), data: []), "no samples"),
            (WAVBuilder(channels: 2, data: [1, 2, 3]), "no samples"),
            (WAVBuilder(data: data, dataSize: 5), "cut: 5 bytes"),
        ]
        for (wav, words) in cases {
            let error = try error(wav.bytes)
            #expect(error.kind == .malformed)
            #expect(error.detail.contains(words), "\(error) should say \(words)")
            #expect(error.source == "a.wav")
        }
    }

    @Test func codecsThatAreNotReadAreNamed() throws {
        let data = little([1, 2])
        let cases: [(WAVBuilder, String)] = [
            (WAVBuilder(tag: 2, bits: 4, data: data), "Microsoft ADPCM"),
            (WAVBuilder(tag: 0x55, bits: 0, data: data), "MP3"),
            (WAVBuilder(tag: 0x1234, data: data), "codec 0x1234"),
            (WAVBuilder(bits: 0, data: data), "0-bit integer"),
            (WAVBuilder(bits: 64, data: data), "64-bit integer"),
            (WAVBuilder(tag: 3, bits: 16, data: data), "16-bit float"),
            (WAVBuilder(subformat: 1, subformatSuffix: [UInt8](repeating: 1, count: 14), data: data), "sub-format"),
        ]
        for (wav, words) in cases {
            let error = try error(wav.bytes)
            #expect(error.kind == .unsupported)
            #expect(error.detail.contains(words), "\(error) should say \(words)")
            #expect(error.remedy?.contains("ffmpeg") == true)
        }
    }

    @Test func otherKindsOfFilesAreRecognised() throws {
        let cases: [([UInt8], String)] = [
            (Array("ID3\u{3}".utf8), "MP3"), ([0xFF, 0xFB, 0x90, 0], "MP3"), ([0xFF, 0xF1, 0x50], "AAC"),
            (Array("fLaC".utf8), "FLAC"), (Array("OggS".utf8), "Ogg"), ([0, 0, 0, 32] + "ftypM4A ".utf8, "M4A"),
            (WAVBuilder(riff: "RIFX").bytes, "RIFX"), (Array("<!DOCTYPE html>".utf8), "HTML"),
            ([0x1A, 0x45, 0xDF, 0xA3], "Matroska"), (Array("RIFF".utf8), "not a WAV file"), ([7], "not a WAV file"),
        ]
        for (bytes, words) in cases {
            let error = try error(bytes)
            #expect(error.kind == .unsupported)
            #expect(error.detail.contains(words), "\(error) should say \(words)")
        }
        #expect(try error([]).detail.contains("empty"))
    }

    @Test func everyCutOfAFileIsAnErrorOfOneLine() throws {
        let wav = WAVBuilder(before: WAVBuilder.chunk("LIST", [1, 2, 3]), data: little([1, 2, 3]))
        for count in 0..<wav.bytes.count {
            #expect(!(try error(Array(wav.bytes[..<count]))).description.contains("\n"))
        }
        #expect(try clip(wav).samples.count == 3)
    }

    @Test func samplesThatAreNotFiniteAreCounted() throws {
        for (value, word) in [(Float.nan, "not a number"), (-.infinity, "infinite")] {
            for bad in [0, 9, 16] {
                var samples = [Float](repeating: 0.1, count: 17)
                samples[bad] = value
                let wav = WAVBuilder(tag: 3, bits: 32, data: samples.flatMap { little($0.bitPattern) })
                let error = try error(wav.bytes)
                #expect(error.kind == .notFinite)
                #expect(error.detail == "sample \(bad) is \(word)")
            }
        }
    }

    @Test(arguments: [WAVBuilder(), WAVBuilder(tag: 3, channels: 2, bits: 32), WAVBuilder(bits: 24, subformat: 1)])
    func mutatedFilesNeverCrash(wav: WAVBuilder) {
        var wav = wav
        wav.before = WAVBuilder.chunk("LIST", [1, 2, 3]) + WAVBuilder.chunk("ds64", [UInt8](repeating: 4, count: 28))
        wav.data = (0..<48).map { UInt8($0) }
        var random = RandomSource(seed: 7)
        var outcomes = (read: 0, failed: 0)
        for _ in 0..<1000 {
            let bytes = mutated(wav.bytes, &random)
            do {
                let clip = try AudioClip(wav: bytes, source: "mutated")
                #expect(clip.samples.count <= bytes.count)
                #expect(AudioClip.sampleRates.contains(clip.sampleRate))
                outcomes.read += 1
            } catch is AudioError {
                outcomes.failed += 1
            } catch {
                Issue.record(error)
            }
        }
        #expect(outcomes.read > 50 && outcomes.failed > 50)
    }
}
