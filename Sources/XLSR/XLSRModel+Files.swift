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

    /// Transcribes files, on all devices of the model. The transcripts come in the files' order; one that can't be read
    /// gives its error, and the rest go on. Cancelling the task that iterates stops the work between two layers.
    /// - Parameter batchSeconds: audio that is computed at a time; more is faster and takes more memory.
    public func transcripts(
        of urls: [URL], chunking: Chunking = .automatic, batchSeconds: Double = 30, decoder: CTCDecoder = .bestPath
    ) -> AsyncThrowingStream<FileTranscript, any Error> {
        AsyncThrowingStream { continuation in
            let task = Task.detached {
                do {
                    try requireTranscription(by: decoder)
                    let run = ChunkedRun(self, chunking, batchSeconds: batchSeconds) { model, chunks in
                        try model.evidence(of: chunks, for: decoder)
                    } finished: { outcome in
                        let transcript = Result { try self.transcript(of: outcome.pieces.get(), by: decoder) }
                        continuation.yield(
                            FileTranscript(url: urls[outcome.index], devices: outcome.devices, result: transcript))
                    }
                    try read(urls.map(\.path), into: run)
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }

    /// Reads files one after another, while those before are computed. One that can't be used fails in its turn.
    /// - Parameter check: throws for the index of a file that isn't worth reading.
    /// - Throws: as `ChunkedRun.add`, but for the files' own errors.
    package func read<Piece>(
        _ paths: [String], into run: ChunkedRun<Piece>, check: (Int) throws -> Void = { _ in }
    ) throws {
        for (index, path) in paths.enumerated() {
            try Task.checkCancellation()
            do {
                try check(index)
                // It may be long in coming, and what was given before it shouldn't wait.
                if path == "-" { try run.finish() }
                let clip = try AudioFile.read(path: path, sampleRate: featureExtractor.sampleRate)
                try run.add(clip, index: index, name: path == "-" ? "standard input" : path)
            } catch let error as AudioError {
                try run.add(failure: error, index: index)
            } catch let error as TextError {
                try run.add(failure: error, index: index)
            }
        }
        try run.finish()
    }
}
