import TensorEngine
import XLSR

/// Transcribes inputs, each by the adapter of its language. Neighbours of one language share batches.
struct LanguageRun {
    typealias Run = ChunkedRun<XLSRModel.ChunkEvidence>

    struct Finding {
        let language: IdentifiedLanguage
        let elapsedSeconds: Double
    }

    let transcriber: MultilingualTranscriber
    /// Makes the run of one language.
    let makeRun: (XLSRModel) throws -> Run
    /// Hears of an input's language before its transcript.
    let found: (Int, Finding) -> Void
    /// Gets the index of an input that can't be used, and why.
    let failed: (Int, any Error) -> Void
    /// Gets each language's run when it is over.
    let ended: (Run) -> Void

    /// - Parameter read: gives the audio of an input.
    func callAsFunction(count: Int, chunking: Chunking, read: (Int) throws -> AudioClip) throws {
        var current: (language: String, run: Run)?
        func finish() throws {
            guard let run = current?.run else { return }
            current = nil
            try run.finish()
            ended(run)
        }
        for index in 0..<count {
            try Task.checkCancellation()
            do {
                let clip = try read(index)
                let clock = ContinuousClock()
                let start = clock.now
                let language = try transcriber.language(of: clip, chunking: chunking)
                found(index, Finding(language: language, elapsedSeconds: start.duration(to: clock.now).seconds))
                if current?.language != language.language {
                    // In order: what waits for its batch to be full comes before what follows.
                    try finish()
                    current = (language.language, try makeRun(transcriber.model(for: language.language)))
                }
                try current?.run.add(clip, index: index)
            } catch let error where !(error is OutputError || error is CancellationError) {
                failed(index, error)
            }
        }
        try finish()
    }
}
