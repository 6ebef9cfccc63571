import Glibc

/// A WAV file that is read while it is written: from a microphone, a pipe, another program.
///
/// As `AudioClip(wav:source:)`, but that what announces no samples, or more than come, ends where the stream ends.
package struct WAVStream: Sendable {
    /// Hz.
    package var sampleRate: Int { format.sampleRate }

    private let file: Int32
    private let source: String
    private let format: WAVFormat
    /// Of the samples that were announced; nil where nobody knows.
    private var bytesLeft: Int?
    /// The beginning of a frame whose end hasn't come.
    private var rest: [UInt8] = []
    private let isStopped: @Sendable () -> Bool

    private static let blockByteCount = 1 << 16
    /// Of all that comes before the samples.
    private static let mostHeadBytes = 1 << 24

    /// Waits until the samples begin.
    /// - Parameters:
    ///   - file: an open descriptor, which stays the caller's.
    ///   - source: what errors call it.
    ///   - isStopped: asked ten times a second whether the stream is to be taken as ended.
    /// - Throws: `AudioError` for what isn't WAV, or is broken, or can't be read.
    package init(_ file: Int32, source: String, isStopped: @escaping @Sendable () -> Bool = { false }) throws {
        (self.file, self.source, self.isStopped) = (file, source, isStopped)
        func beginning(of count: Int) throws -> [UInt8] {
            var bytes: [UInt8] = []
            while bytes.count < count {
                let more = try Self.read(file, most: count - bytes.count, source, isStopped)
                if more.isEmpty { break }
                bytes += more
            }
            return bytes
        }
        func bytes(_ count: Int) throws -> [UInt8] {
            let bytes = try beginning(of: count)
            guard bytes.count == count else {
                throw AudioError(.malformed, source: source, "the WAV stream is cut before its samples")
            }
            return bytes
        }
        let riff = try beginning(of: 12)
        guard !riff.isEmpty else { throw AudioError(.malformed, source: source, "the stream is empty") }
        guard AudioContainer.isWAV(riff) else {
            throw AudioError(
                .unsupported, source: source,
                "not WAV" + (AudioContainer(head: riff).map { " but \($0.name)" } ?? ""),
                remedy: "only WAV can be read while it comes; ffmpeg makes it of everything: `ffmpeg -i … -f wav -`")
        }
        var format: WAVFormat?
        var (wideByteCount, headByteCount) = (UInt64?.none, 12)
        while true {
            let head = try bytes(8)
            let size = head.withUnsafeBytes { $0.littleEndian(UInt32.self, at: 4) } ?? 0
            let name = String(decoding: head[..<4], as: UTF8.self)
            if name == "data" {
                guard let format else {
                    throw AudioError(
                        .malformed, source: source, "the WAV stream has no format chunk before its samples")
                }
                self.format = format
                let isUnknown = size == 0 || size >= WAVReader.smallestPlaceholder
                bytesLeft = isUnknown ? wideByteCount.flatMap { $0 > 0 ? Int(exactly: $0) : nil } : Int(size)
                return
            }
            headByteCount += 8 + Int(size)
            guard headByteCount <= Self.mostHeadBytes else {
                throw AudioError(.malformed, source: source, "more than \(Self.mostHeadBytes) bytes before the samples")
            }
            let body = try bytes(Int(size) + Int(size) % 2)
            try body.withUnsafeBytes {
                if name == "fmt ", format == nil { format = try WAVFormat(chunk: $0, source: source) }
                if name == "ds64" { wideByteCount = $0.littleEndian(UInt64.self, at: 8) }
            }
        }
    }

    /// What came next, mixed down to mono; waits for some.
    /// - Returns: nil at the end.
    /// - Throws: `AudioError` for samples that aren't finite, and for a stream that can't be read.
    package mutating func next() throws -> [Float]? {
        while true {
            let most = min(Self.blockByteCount, bytesLeft ?? .max)
            let bytes = most > 0 ? try Self.read(file, most: most, source, isStopped) : []
            guard !bytes.isEmpty else { return nil }
            bytesLeft = bytesLeft.map { $0 - bytes.count }
            rest += bytes
            let count = rest.count / format.frameByteCount * format.frameByteCount
            guard count > 0 else { continue }
            let samples = rest.withUnsafeBytes { format.mixedDown(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            rest.removeFirst(count)
            try AudioClip.checkFinite(samples, source: source)
            return samples
        }
    }

    /// At least a byte, unless the stream has ended.
    private static func read(
        _ file: Int32, most: Int, _ source: String, _ isStopped: () -> Bool
    ) throws -> [UInt8] {
        var waited = pollfd(fd: file, events: Int16(POLLIN), revents: 0)
        // What an interrupted wait says, the read will say better.
        repeat {
            if isStopped() { return [] }
        } while poll(&waited, 1, 100) == 0
        do {
            return try withUnsafeTemporaryAllocation(byteCount: min(most, blockByteCount), alignment: 16) { buffer in
                try WholeFile.readSome(file, into: buffer).map { Array(buffer[..<$0]) } ?? []
            }
        } catch let error as SystemError {
            throw AudioError(.missingFile, source: source, "can't be read: \(error)")
        }
    }
}
