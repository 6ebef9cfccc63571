import Glibc
import TensorEngine

/// Audio files of any format, by name.
public enum AudioFile {
    /// Reads an audio file, mixed down to mono, at `sampleRate` in Hz.
    ///
    /// WAV is read here; every other format by the `ffmpeg` program, if PATH has it.
    ///
    /// - Parameter path: a file, or `-` for standard input.
    /// - Throws: `AudioError` that names the file; `UsageError` when `sampleRate` is outside `AudioClip.sampleRates`.
    public static func read(path: String, sampleRate: Int = 16_000) throws -> AudioClip {
        try read(path: path, sampleRate: sampleRate, searchPath: HostSystem.variable("PATH") ?? "")
    }

    /// Reads an audio file that somebody sent, mixed down to mono, at `sampleRate` in Hz.
    ///
    /// Formats other than WAV are read by the `ffmpeg` program, as far as a file of them is nothing but audio: none that
    /// names further files to read.
    /// - Parameters:
    ///   - name: what errors call it.
    ///   - maximumSeconds: longer audio is refused before it takes memory.
    /// - Throws: as `read(path:sampleRate:)`.
    public static func read(
        _ bytes: [UInt8], name: String, sampleRate: Int = 16_000, maximumSeconds: Double = .infinity
    ) throws -> AudioClip {
        var input = Input(path: name, searchPath: HostSystem.variable("PATH") ?? "")
        input.maximumSeconds = maximumSeconds
        do {
            return try input.read(bytes, at: sampleRate)
        } catch let error as SystemError where error.code == EFBIG && maximumSeconds < .infinity {
            throw input.tooLong
        } catch let error as SystemError {
            throw input.audioError(error)
        }
    }

    /// Opens what is to be read while it is written.
    /// - Parameter path: a file or pipe, or `-` for standard input.
    /// - Returns: what `WAVStream` takes: a descriptor, and what errors call it.
    /// - Throws: `AudioError` that names the file.
    package static func openStream(_ path: String) throws -> (file: Int32, source: String) {
        let input = Input(path: path, searchPath: "")
        do {
            let file = path == "-" ? 0 : try WholeFile.openForReading(path)
            try input.refuseTerminal(file)
            return (file, input.source)
        } catch let error as SystemError {
            throw input.audioError(error)
        }
    }

    /// Extensions of files that nothing but recordings have.
    private static let extensions: Set<String> = [
        "aac", "aif", "aiff", "amr", "au", "avi", "caf", "flac", "m4a", "m4b", "mka", "mkv", "mov", "mp2", "mp3", "mp4",
        "mpg", "oga", "ogg", "opus", "spx", "w64", "wav", "webm", "wma", "wv",
    ]

    /// Whether a file has the name of a recording or begins as one does; no text does.
    package static func isRecording(_ path: String) -> Bool {
        if let dot = path.lastIndex(of: "."), extensions.contains(path[path.index(after: dot)...].lowercased()) {
            return true
        }
        guard let file = try? WholeFile.openForReading(path) else { return false }
        defer { close(file) }
        guard let head = try? head(of: file) else { return false }
        return head.contains(0) && AudioContainer(head: head)?.isDecodable == true
    }

    /// As much of an open file as tells what it is.
    fileprivate static func head(of file: Int32) throws -> [UInt8] {
        var head = [UInt8](repeating: 0, count: AudioContainer.headByteCount)
        let count = pread(file, &head, head.count, 0)
        if count < 0 { throw SystemError() }
        return Array(head.prefix(count))
    }

    /// - Parameter searchPath: where to look for ffmpeg: folders parted by colons.
    package static func read(path: String, sampleRate: Int, searchPath: String) throws -> AudioClip {
        let input = Input(path: path, searchPath: searchPath)
        do {
            return path == "-" ? try input.readStream(0, at: sampleRate) : try input.readFile(at: sampleRate)
        } catch let error as SystemError {
            throw input.audioError(error)
        }
    }
}

private struct Input {
    let path: String
    let searchPath: String
    var maximumSeconds = Double.infinity

    var tooLong: AudioError {
        AudioError(
            .tooLong, source: source, "longer than the \(Int(maximumSeconds)) s that are taken",
            remedy: "cut it into shorter parts")
    }

    var source: String { path == "-" ? "standard input" : path }

    func readFile(at sampleRate: Int) throws -> AudioClip {
        let file = try WholeFile.openForReading(path)
        defer { close(file) }
        var status = stat()
        if fstat(file, &status) != 0 { throw SystemError() }
        switch status.st_mode & S_IFMT {
        case S_IFREG:
            break
        case S_IFDIR:
            throw SystemError(code: EISDIR)
        case S_IFIFO:
            return try readStream(file, at: sampleRate)
        default:
            throw AudioError(.unsupported, source: source, "a device, not an audio file")
        }

        return try read(
            head: AudioFile.head(of: file),
            wav: { try WholeFile.contents(of: file, byteLimit: WholeFile.memoryByteLimit) }
        ) {
            try $0.decode(.file(path: path), sampleRate: sampleRate, source: source)
        }
        .resampled(to: sampleRate)
    }

    func refuseTerminal(_ file: Int32) throws {
        guard isatty(file) != 0 else { return }
        throw AudioError(.unsupported, source: source, "a terminal", remedy: "pipe audio into it")
    }

    func readStream(_ file: Int32, at sampleRate: Int) throws -> AudioClip {
        try refuseTerminal(file)
        return try read(WholeFile.contents(of: file, byteLimit: WholeFile.memoryByteLimit), at: sampleRate)
    }

    func read(_ bytes: [UInt8], at sampleRate: Int) throws -> AudioClip {
        try read(head: bytes.prefix(AudioContainer.headByteCount), wav: { bytes }) {
            let byteLimit = min(Double(WholeFile.memoryByteLimit), maximumSeconds * Double(4 * sampleRate))
            return try $0.decode(.bytes(bytes), sampleRate: sampleRate, source: source, byteLimit: Int(byteLimit))
        }
        .resampled(to: sampleRate)
    }

    /// WAV by our own reader; by ffmpeg what isn't WAV, or is with a codec that isn't read here.
    private func read(
        head: some Collection<UInt8>, wav bytes: () throws -> [UInt8], other decode: (FFmpeg) throws -> AudioClip
    ) throws -> AudioClip {
        do {
            let clip = try AudioClip(wav: AudioContainer.isWAV(head) ? bytes() : Array(head), source: source)
            guard clip.seconds <= maximumSeconds else { throw tooLong }
            return clip
        } catch let error as AudioError where error.kind == .unsupported {
            guard AudioContainer(head: head)?.isDecodable != false else { throw error }
            guard let ffmpeg = FFmpeg(searchPath: searchPath) else {
                throw AudioError(.noDecoder, source: source, error.detail, remedy: error.remedy)
            }
            return try decode(ffmpeg)
        }
    }

    func audioError(_ error: SystemError) -> AudioError {
        switch error.code {
        case ENOENT, ENOTDIR:
            AudioError(.missingFile, source: source, "no such file", remedy: "check the path")
        case EISDIR:
            AudioError(.unsupported, source: source, "a folder, not an audio file", remedy: "name the files in it")
        case EFBIG:
            AudioError(
                .unsupported, source: source, "larger than half of this machine's memory",
                remedy: "cut it into shorter files")
        case EACCES, EPERM:
            AudioError(.missingFile, source: source, "can't be read: \(error)", remedy: "check its permissions")
        default:
            AudioError(.missingFile, source: source, "can't be read: \(error)")
        }
    }
}
