import TensorEngine

/// A chunk of an utterance, ready to be computed.
package struct ChunkInput: Sendable {
    /// What the caller calls the utterance.
    package let index: Int
    /// For the model.
    package let input: InputValues
    /// The utterance's first frame that this chunk gives.
    package let start: Int
    /// Which of the chunk's own frames count.
    package let frames: Range<Int>
    /// See `Chunk.beginsInSilence`.
    package let beginsInSilence: Bool
    let seconds: Double
    /// Seconds of the utterance that are done with this chunk.
    let end: Double
    let isLast: Bool
}

/// Computes utterances chunk after chunk, in batches that chunks of several utterances share.
///
/// It holds the samples of one batch and, of utterances that are under way, what `compute` gave for their chunks.
package final class ChunkedRun<Piece> {
    /// What became of an utterance.
    package struct Outcome {
        package let index: Int
        /// In the order of its chunks.
        package let pieces: Result<[Piece], any Error>
        package let audioSeconds: Double
        /// Its share of the time that its batches took.
        package let elapsedSeconds: Double
        package let voiceActivity: VoiceActivity
    }

    private struct Utterance {
        let seconds: Double
        let voiceActivity: VoiceActivity
        var pieces: [Piece] = []
        var elapsedSeconds = 0.0

        func outcome(_ index: Int, _ pieces: Result<[Piece], any Error>) -> Outcome {
            Outcome(
                index: index, pieces: pieces, audioSeconds: seconds, elapsedSeconds: elapsedSeconds,
                voiceActivity: voiceActivity)
        }
    }

    private let model: XLSRModel
    private let chunking: Chunking
    private let batchSeconds: Double
    private let minimumSampleCount: Int
    private let compute: ([ChunkInput]) throws -> [Piece]
    private let progress: (_ seconds: Double, _ total: Double) -> Void
    private let finished: (Outcome) throws -> Void
    private var batch: [ChunkInput] = []
    /// Length of the last batch that was computed.
    private var lastSeconds = 0.0
    /// Without the failed ones.
    private var utterances: [Int: Utterance] = [:]

    /// - Parameters:
    ///   - batchSeconds: audio that is computed at a time, unless a single chunk is longer.
    ///   - minimumSampleCount: the shortest utterance; by default what the encoder needs.
    ///   - compute: gives a piece for each chunk of a batch.
    ///   - progress: gets how much of an utterance is done.
    ///   - finished: gets the utterances in the order in which they were added.
    package init(
        _ model: XLSRModel, _ chunking: Chunking, batchSeconds: Double, minimumSampleCount: Int? = nil,
        compute: @escaping ([ChunkInput]) throws -> [Piece], progress: @escaping (Double, Double) -> Void = { _, _ in },
        finished: @escaping (Outcome) throws -> Void
    ) {
        self.model = model
        self.chunking = chunking
        self.batchSeconds = batchSeconds
        self.minimumSampleCount = minimumSampleCount ?? model.configuration.minimumSampleCount
        self.compute = compute
        self.progress = progress
        self.finished = finished
    }

    /// Computes all of an utterance but for the chunks that wait for their batch to be full.
    /// - Throws: `AudioError` for a clip that can't be computed; `UsageError` for a chunking that makes no sense; what
    ///   `finished` throws; `CancellationError`.
    package func add(_ clip: AudioClip, index: Int, name: String) throws {
        let rate = model.featureExtractor.sampleRate
        let clip = try clip.resampled(to: rate)
        try model.check(clip, name: name, minimumSampleCount: minimumSampleCount)
        let loudness = Loudness(clip.samples, hop: model.configuration.hop)
        let chunks =
            switch chunking.split {
            case .fixed:
                try chunking.chunks(sampleCount: clip.samples.count, sampleRate: rate, model.configuration)
            case .silence:
                try chunking.chunks(
                    splittingAtSilencesOf: loudness, sampleCount: clip.samples.count, sampleRate: rate,
                    model.configuration)
            }
        let ofFile = chunking.normalization == .file ? model.featureExtractor.scaling(of: clip.samples[...]) : nil
        utterances[index] = Utterance(
            seconds: clip.seconds,
            voiceActivity: VoiceActivity(
                loudness, secondsPerFrame: Double(model.configuration.hop) / Double(rate)))
        progress(0, clip.seconds)
        let isCut = chunks.map(\.samples) != [clip.samples.indices]
        let statistics: ChannelStatistics? = try ofFile.flatMap { scaling in
            try isCut ? self.statistics(of: clip.samples, scaling, index: index) : nil
        }
        for (number, chunk) in chunks.enumerated() {
            let seconds = Double(chunk.samples.count) / Double(rate)
            if !batch.isEmpty, batch.reduce(seconds, { $0 + $1.seconds }) > batchSeconds { try computeBatch() }
            guard utterances[index] != nil else { return }
            let samples = clip.samples[chunk.samples]
            let values = (ofFile ?? model.featureExtractor.scaling(of: samples)).values(of: samples)
            batch.append(
                ChunkInput(
                    index: index, input: InputValues(values, statistics: statistics),
                    start: chunk.samples.lowerBound / model.configuration.hop + chunk.frames.lowerBound,
                    frames: chunk.frames, beginsInSilence: chunk.beginsInSilence, seconds: seconds,
                    end: Double(chunk.samples.upperBound) / Double(rate),
                    isLast: number + 1 == chunks.count))
        }
    }

    /// Computes what is left.
    package func finish() throws {
        if !batch.isEmpty { try computeBatch() }
    }

    /// What the front-end's norm takes of a whole utterance; nil where it needs nothing, and after a failure.
    private func statistics(
        of samples: [Float], _ scaling: SampleScaling, index: Int
    ) throws -> ChannelStatistics? {
        let clock = ContinuousClock()
        let start = clock.now
        do {
            let statistics = try model.frontEnd.statistics(sampleCount: samples.count, on: model.backend) {
                ArraySlice(scaling.values(of: samples[$0]))
            }
            utterances[index]?.elapsedSeconds += start.duration(to: clock.now) / .seconds(1)
            return statistics
        } catch let error as CancellationError {
            throw error
        } catch {
            // In the order of the utterances.
            try finish()
            try fail(index, error)
            return nil
        }
    }

    private func computeBatch() throws {
        let inputs = batch
        batch = []
        do {
            return try deliver(inputs)
        } catch let error as ComputeError where inputs.count == 1 {
            return try fail(inputs[0].index, error.underlying)
        } catch is ComputeError {}
        // One by one, what is wrong with one chunk or too much for memory together spares the others.
        for input in inputs where utterances[input.index] != nil {
            do { try deliver([input]) } catch let error as ComputeError { try fail(input.index, error.underlying) }
        }
    }

    /// Tells an error of the model from one of a callback.
    private struct ComputeError: Error {
        let underlying: any Error
    }

    private func deliver(_ inputs: [ChunkInput]) throws {
        try Task.checkCancellation()
        let clock = ContinuousClock()
        let start = clock.now
        let secondsOfAll = inputs.reduce(0) { $0 + $1.seconds }
        // Blocks of another size serve no more, and would be held beside those of this one.
        if abs(secondsOfAll - lastSeconds) > lastSeconds / 8 { model.backend.pool.trim() }
        lastSeconds = secondsOfAll
        let pieces: [Piece]
        do {
            pieces = try compute(inputs)
        } catch let error as CancellationError {
            throw error
        } catch {
            throw ComputeError(underlying: error)
        }
        let elapsed = start.duration(to: clock.now) / .seconds(1)
        for (input, piece) in zip(inputs, pieces) {
            guard var utterance = utterances.removeValue(forKey: input.index) else { continue }
            utterance.pieces.append(piece)
            utterance.elapsedSeconds += elapsed * input.seconds / secondsOfAll
            progress(input.end, utterance.seconds)
            if input.isLast {
                try finished(utterance.outcome(input.index, .success(utterance.pieces)))
            } else {
                utterances[input.index] = utterance
            }
        }
    }

    private func fail(_ index: Int, _ error: any Error) throws {
        guard let utterance = utterances.removeValue(forKey: index) else { return }
        try finished(utterance.outcome(index, .failure(error)))
    }
}
