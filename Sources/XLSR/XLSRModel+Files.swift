import FoundationEssentials
import TensorEngine

extension XLSRModel {
    /// One file of several, and what became of it.
    public struct FileTranscript: Sendable {
        public let url: URL
        /// The devices that computed it.
        public let devices: [Device]
        public let result: Result<Transcript, any Error>
    }

    /// The files' transcripts as they come.
    public struct FileTranscripts: AsyncSequence, Sendable {
        fileprivate let stream: AsyncThrowingStream<FileTranscript, any Error>

        public func makeAsyncIterator() -> Iterator { Iterator(base: stream.makeAsyncIterator()) }

        public struct Iterator: AsyncIteratorProtocol {
            fileprivate var base: AsyncThrowingStream<FileTranscript, any Error>.Iterator

            /// - Throws: `CancellationError` when the task was cancelled, which ends a plain stream as if all were
            ///   done.
            public mutating func next() async throws -> FileTranscript? {
                let next = try await base.next()
                if next == nil { try Task.checkCancellation() }
                return next
            }
        }
    }

    /// Transcribes files, on all devices of the model and on a thread of its own. The transcripts come in the files'
    /// order; one that can't be read gives its error, and the rest go on. Work goes on whether they are taken or not;
    /// cancelling the task that iterates stops it between two layers.
    /// - Parameters:
    ///   - urls: of files; one of anything else gives its error.
    ///   - batchSeconds: audio that is computed at a time; more is faster and takes more memory.
    public func transcripts(
        of urls: [URL], chunking: Chunking = .automatic, batchSeconds: Double = 30, decoder: CTCDecoder = .bestPath
    ) -> FileTranscripts {
        let stream = AsyncThrowingStream<FileTranscript, any Error> { continuation in
            let flag = CancellationFlag()
            flag.run {
                try requireTranscription(by: decoder)
                let run = ChunkedRun(self, chunking, batchSeconds: batchSeconds, purpose: purpose(of: decoder)) {
                    model, chunks in
                    try model.evidence(of: chunks, for: decoder)
                } finished: { outcome in
                    let transcript = Result { try self.transcript(of: outcome.pieces.get(), by: decoder) }
                    continuation.yield(
                        FileTranscript(url: urls[outcome.index], devices: outcome.devices, result: transcript))
                }
                try read(urls.map(\.path), into: run) { index in
                    guard !urls[index].isFileURL else { return }
                    throw AudioError(.missingFile, source: urls[index].absoluteString, "is not a file's URL")
                }
            } ended: { result in
                switch result {
                case .success: continuation.finish()
                case .failure(let error): continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in flag.raise() }
        }
        return FileTranscripts(stream: stream)
    }

    /// Reads files one after another, while those before are computed. One that can't be used fails in its turn.
    /// - Parameter check: throws for the index of a file that isn't worth reading.
    /// - Throws: as `ChunkedRun.add`, but for the files' own errors.
    package func read<Piece>(
        _ paths: [String], into run: ChunkedRun<Piece>, check: (Int) throws -> Void = { _ in }
    ) throws {
        for (index, path) in paths.enumerated() {
            try CancellationFlag.check()
            do {
                try check(index)
                // It may be long in coming, and what was given before it shouldn't wait.
                if path == "-" { try run.finish() }
                try run.add(AudioFile.read(path: path, sampleRate: featureExtractor.sampleRate), index: index)
            } catch let error as AudioError {
                try run.add(failure: error, index: index)
            } catch let error as TextError {
                try run.add(failure: error, index: index)
            }
        }
        try run.finish()
    }
}
