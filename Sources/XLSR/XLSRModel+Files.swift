import FoundationEssentials

extension XLSRModel {
    /// One file of several, and what became of it.
    public struct FileTranscript: Sendable {
        public let url: URL
        public let result: Result<Transcript, any Error>
    }

    /// Transcribes files in their order. A file that can't be read gives its error and the rest go on. Cancelling the
    /// task that iterates stops the work between two layers.
    /// - Parameter batchSeconds: audio that is computed at a time; more is faster and takes more memory.
    public func transcripts(
        of urls: [URL], chunking: Chunking = .automatic, batchSeconds: Double = 30, decoder: CTCDecoder = .bestPath
    ) -> AsyncThrowingStream<FileTranscript, any Error> {
        AsyncThrowingStream { continuation in
            let task = Task.detached {
                do {
                    try requireTranscription(by: decoder)
                    let run = ChunkedRun(self, chunking, batchSeconds: batchSeconds) { chunks in
                        try evidence(of: chunks, for: decoder)
                    } finished: { outcome in
                        let transcript = Result { try self.transcript(of: outcome.pieces.get(), by: decoder) }
                        continuation.yield(FileTranscript(url: urls[outcome.index], result: transcript))
                    }
                    try read(urls.map(\.path), into: run) { index, error in
                        continuation.yield(FileTranscript(url: urls[index], result: .failure(error)))
                    }
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }

    /// Reads files one after another and computes them.
    /// - Parameters:
    ///   - check: throws for the index of a file that isn't worth reading.
    ///   - failed: gets the index of a file that can't be used, and why.
    /// - Throws: as `ChunkedRun.add`, but for the files' own errors.
    package func read<Piece>(
        _ paths: [String], into run: ChunkedRun<Piece>, check: (Int) throws -> Void = { _ in },
        failed: (Int, any Error) -> Void
    ) throws {
        for (index, path) in paths.enumerated() {
            try Task.checkCancellation()
            do {
                try check(index)
                let clip = try AudioFile.read(path: path, sampleRate: featureExtractor.sampleRate)
                try run.add(clip, index: index, name: path == "-" ? "standard input" : path)
            } catch let error as AudioError {
                failed(index, error)
            } catch let error as TextError {
                failed(index, error)
            }
        }
        try run.finish()
    }
}
