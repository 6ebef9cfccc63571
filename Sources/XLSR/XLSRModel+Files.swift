import FoundationEssentials

extension XLSRModel {
    /// One file of several, and what became of it.
    public struct FileTranscript: Sendable {
        public let url: URL
        public let result: Result<Transcript, any Error>
    }

    /// Transcribes files one batch after another, in their order. A file that can't be read gives its error and the
    /// rest go on. Cancelling the task that iterates stops the work between two layers.
    /// - Parameter batchSeconds: audio that is computed at a time; more is faster and takes more memory.
    public func transcripts(
        of urls: [URL], batchSeconds: Double = 60
    ) -> AsyncThrowingStream<FileTranscript, any Error> {
        AsyncThrowingStream { continuation in
            let task = Task.detached {
                do {
                    try batches(of: urls.map(\.path), batchSeconds: batchSeconds) { batch in
                        let transcripts = Result { try transcribe(batch.clips, names: batch.names) }
                        for (place, index) in batch.indices.enumerated() {
                            continuation.yield(
                                FileTranscript(url: urls[index], result: transcripts.map { $0[place] }))
                        }
                    } failed: { index, error in
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

    /// Some audio files that are computed together.
    package struct Batch {
        package var indices: [Int] = []
        package var names: [String] = []
        package var clips: [AudioClip] = []
        package var seconds = 0.0

        package init() {}
    }

    /// Reads files and hands them on in batches of at most `batchSeconds`, or of one longer file.
    /// - Parameters:
    ///   - body: gets each batch.
    ///   - failed: gets the index of a file that can't be used, and why.
    /// - Throws: `CancellationError`, and what `body` throws.
    package func batches(
        of paths: [String], batchSeconds: Double, _ body: (Batch) throws -> Void, failed: (Int, any Error) -> Void
    ) throws {
        var batch = Batch()
        for (index, path) in paths.enumerated() {
            try Task.checkCancellation()
            let name = path == "-" ? "standard input" : path
            do {
                let clip = try AudioFile.read(path: path, sampleRate: featureExtractor.sampleRate)
                try check(clip, name: name)
                if !batch.clips.isEmpty, batch.seconds + clip.seconds > batchSeconds {
                    try body(batch)
                    batch = Batch()
                }
                batch.indices.append(index)
                batch.names.append(name)
                batch.clips.append(clip)
                batch.seconds += clip.seconds
            } catch let error as AudioError {
                failed(index, error)
            }
        }
        if !batch.clips.isEmpty { try body(batch) }
    }
}
