extension AudioClip {
    /// Reads a WAV file held in memory and mixes it down to mono, each sample the mean of its channels.
    ///
    /// Integers of 1 to 32 bits, float32, float64, A-law and µ-law, plain or extensible, in RIFF, RF64 or BW64. A data
    /// size of zero or near 2³¹ or 2³², as programs leave it that write to a pipe, means "to the end".
    ///
    /// - Parameter source: the file as the user named it, for errors.
    /// - Throws: `AudioError`: `.unsupported` for what isn't WAV or a codec not read here, `.malformed` for a broken or
    ///   cut file, `.notFinite` for NaN or infinite samples.
    public init(wav bytes: [UInt8], source: String) throws {
        self = try bytes.withUnsafeBytes { try WAVReader(bytes: $0, source: source).read() }
    }
}

struct WAVReader {
    let bytes: UnsafeRawBufferPointer
    let source: String

    func read() throws -> AudioClip {
        guard !bytes.isEmpty else { throw AudioError(.malformed, source: source, "the file is empty") }
        guard AudioContainer.isWAV(bytes) else {
            let container = AudioContainer(head: bytes)
            throw AudioError(
                .unsupported, source: source, "not a WAV file" + (container.map { " but \($0.name)" } ?? ""),
                remedy: container?.isDecodable == false ? "if it is audio, convert it to ordinary WAV" : FFmpeg.remedy)
        }
        let (formatChunk, data) = try findChunks()
        guard let formatChunk else { throw malformed("the WAV file has no format chunk") }
        let format = try WAVFormat(chunk: UnsafeRawBufferPointer(rebasing: bytes[formatChunk]), source: source)
        guard let data else { throw malformed("the WAV file has no data chunk: it is cut") }
        let samples = format.mixedDown(UnsafeRawBufferPointer(rebasing: bytes[data]))
        guard !samples.isEmpty else { throw malformed("the WAV file has no samples") }
        try AudioClip.checkFinite(samples, source: source)
        return AudioClip(samples: samples, sampleRate: format.sampleRate, source: source)
    }

    /// Walks the chunks (name, size, body, pad byte after an odd size) in whatever order they come.
    private func findChunks() throws -> (format: Range<Int>?, data: Range<Int>?) {
        var format: Range<Int>?
        var data: Range<Int>?
        var wideDataSize: UInt64?
        var offset = 12
        while let size = bytes.littleEndian(UInt32.self, at: offset + 4), format == nil || data == nil {
            let body = offset + 8
            let available = bytes.count - body
            switch String(decoding: bytes[offset..<offset + 4], as: UTF8.self) {
            case "data":
                let byteCount = try dataByteCount(size, wide: wideDataSize, available: available)
                data = data ?? body..<body + byteCount
            case "ds64":
                wideDataSize = bytes.littleEndian(UInt64.self, at: body + 8)
            case "fmt ":
                format = format ?? body..<body + min(Int(size), available)
            default:
                break
            }
            if let data, data.lowerBound == body {
                offset = data.upperBound + data.count % 2
            } else {
                guard Int(size) < available else { break }
                offset = body + Int(size) + Int(size) % 2
            }
        }
        return (format, data)
    }

    private func dataByteCount(_ size: UInt32, wide: UInt64?, available: Int) throws -> Int {
        let claimed: UInt64
        if size == .max, let wide {
            claimed = wide
        } else if size == 0 {
            // Zero is the truth when the RIFF size agrees with the file, else a placeholder that was never filled in.
            let riffSize = bytes.littleEndian(UInt32.self, at: 4).map { Int($0) + 8 } ?? 0
            return (bytes.count - 1...bytes.count).contains(riffSize) ? 0 : available
        } else {
            claimed = UInt64(size)
        }
        if claimed <= UInt64(available) { return Int(claimed) }
        if wide == nil, size >= Self.smallestPlaceholder { return available }
        throw AudioError(
            .malformed, source: source,
            "the WAV file is cut: \(claimed) bytes of samples announced, \(available) there",
            remedy: "copy or download it again")
    }

    /// Sizes that writers to a pipe put when they can't know: 0xFFFFFFFF (ffmpeg), 0x7FFFF000 (SoX), 2³¹ less a bit.
    static let smallestPlaceholder: UInt32 = 0x7FFF_0000

    private func malformed(_ detail: String) -> AudioError {
        AudioError(.malformed, source: source, detail, remedy: "write the file again, for example with ffmpeg")
    }
}
