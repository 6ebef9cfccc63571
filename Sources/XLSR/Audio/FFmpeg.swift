import Glibc

/// The `ffmpeg` program, which decodes what isn't WAV.
struct FFmpeg {
    static let remedy =
        "install the ffmpeg program, which reads other formats (for example: apt-get install ffmpeg), "
        + "or convert the file to WAV"

    enum Input {
        case file(path: String)
        case bytes([UInt8])
    }

    /// The filter of `ResamplingFilter`, so that a file gives the same samples as its WAV form (to 2e-6, measured), and
    /// weights that sum to one for the mix: ffmpeg's default for float samples makes stereo louder by 3 dB and more.
    private static let resampling =
        "aresample=filter_size=128:cutoff=0.95:filter_type=kaiser:kaiser_beta=10:rematrix_maxval=1"

    /// What somebody else's bytes may be: formats that hold audio, and none that names files for it, as a playlist does,
    /// by which whoever sent it could hear files of this machine.
    private static let formats =
        "aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,dsf,dts,eac3,flac,flv,iff,loas,matroska,mov,mp3,mpc,mpc8,mpeg,"
        + "mpegts,mxf,nut,ogg,rm,sox,tak,truehd,tta,voc,w64,wav,wv"

    let program: String

    /// Looks for the program in a list of folders parted by colons, as in PATH; nil when it isn't there.
    init?(searchPath: String) {
        guard let program = Subprocess.find("ffmpeg", searchPath: searchPath) else { return nil }
        self.program = program
    }

    /// Decodes the first audio stream, mixed down to mono, at `sampleRate` in Hz.
    ///
    /// - Parameter byteLimit: of the samples, 4 bytes each.
    /// - Throws: `AudioError` with ffmpeg's own words; `SystemError` EFBIG for more than the limit.
    func decode(
        _ input: Input, sampleRate: Int, source: String, byteLimit: Int = WholeFile.memoryByteLimit
    ) throws -> AudioClip {
        var samples = SampleCollector(byteLimit: byteLimit)
        do {
            let result = try run(input, sampleRate: sampleRate) { try samples.append($0) }
            guard result.exitStatus ?? 0 == 0 else { throw failure(result, source: source) }
            guard !samples.values.isEmpty else {
                throw AudioError(.unsupported, source: source, "ffmpeg found no audio in it")
            }
        } catch let error as SystemError where error.code != EFBIG {
            throw AudioError(.noDecoder, source: source, "decoding it with \(program) failed: \(error)")
        }
        try AudioClip.checkFinite(samples.values, source: source)
        return AudioClip(samples: samples.values, sampleRate: sampleRate, source: source)
    }

    private func run(
        _ input: Input, sampleRate: Int, consume: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> Subprocess {
        func arguments(_ path: String, _ options: [String] = []) -> [String] {
            // `file:` keeps a path such as "-x", "http://…" or "concat:…" a path.
            ["-v", "error", "-nostdin", "-protocol_whitelist", "file,pipe"] + options + [
                "-i", "file:" + path, "-map", "0:a:0", "-f", "f32le", "-ac", "1", "-ar", "\(sampleRate)", "-af",
                Self.resampling, "-",
            ]
        }
        switch input {
        case .file(let path):
            return try Subprocess.run(program, arguments(path), standardInput: nil, consume: consume)
        case .bytes(let bytes):
            // Not a pipe, because MP4 needs a file that can be sought; and nothing is ever left to delete.
            let file = try anonymousFile(holding: bytes)
            defer { close(file) }
            let arguments = arguments("/dev/stdin", ["-format_whitelist", Self.formats])
            return try Subprocess.run(program, arguments, standardInput: file, consume: consume)
        }
    }

    private func failure(_ result: Subprocess, source: String) -> AudioError {
        let text = String(decoding: result.errorOutput, as: UTF8.self)
        if text.contains("matches no streams") {
            return AudioError(.unsupported, source: source, "it has no audio stream")
        }
        if text.contains("not on whitelist") {
            return AudioError(
                .unsupported, source: source, "a playlist or the like, not audio itself", remedy: "send the audio")
        }
        // Without addresses of ffmpeg's own, and the name that standard input has here.
        let lines = text.split(whereSeparator: \.isNewline).filter { !$0.contains("Last message repeated") }.suffix(2)
            .map { $0.hasPrefix("[") ? $0.drop { $0 != "]" }.dropFirst(2) : $0 }
            .map { $0.replacing("file:/dev/stdin: ", with: "") }
            .map { $0.filter { character in character.unicodeScalars.allSatisfy { $0.value >= 32 } } }
        let words = lines.isEmpty ? "exit status \(result.exitStatus ?? -1)" : lines.joined(separator: "; ")
        return AudioError(.unsupported, source: source, "ffmpeg could not decode it: \(words.suffix(500))")
    }
}

/// Little-endian float32 samples out of blocks that may end inside a sample.
private struct SampleCollector {
    private(set) var values: [Float] = []
    private var rest: [UInt8] = []
    private let countLimit: Int

    init(byteLimit: Int) {
        countLimit = byteLimit / 4
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) throws {
        let taken = min(bytes.count, (4 - rest.count) % 4)
        rest.append(contentsOf: bytes[..<taken])
        if rest.count == 4 {
            let whole = rest
            rest.removeAll(keepingCapacity: true)
            whole.withUnsafeBytes { appendWhole($0) }
        }
        let remaining = UnsafeRawBufferPointer(rebasing: bytes[taken...])
        appendWhole(remaining)
        rest.append(contentsOf: remaining.suffix(remaining.count % 4))
        if values.count > countLimit { throw SystemError(code: EFBIG) }
    }

    private mutating func appendWhole(_ bytes: UnsafeRawBufferPointer) {
        for offset in stride(from: 0, to: bytes.count - bytes.count % 4, by: 4) {
            let bits = bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
            values.append(Float(bitPattern: UInt32(littleEndian: bits)))
        }
    }
}
