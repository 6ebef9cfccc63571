import TensorEngine

/// Computes utterances chunk after chunk, in batches that chunks of several utterances share, on all devices of a
/// model.
///
/// Three stages overlap: the caller's thread, which has read an utterance, cuts and normalises it (`add`) and gets
/// what was made of the ones before (`finished`, in their order); the devices compute; and as many batches as there are
/// devices wait for them. So the host holds the input values of a window of batches and of those, and of utterances
/// whose turn hasn't come yet, what `compute` gave for their chunks.
package final class ChunkedRun<Piece: Sendable> {
    /// What became of an utterance.
    package struct Outcome {
        package let index: Int
        /// In the order of its chunks.
        package let pieces: Result<[Piece], any Error>
        /// On the device that computed the last of it.
        package let model: XLSRModel
        /// Those that computed it, in the model's order.
        package let devices: [Device]
        package let audioSeconds: Double
        /// Its share of the time that its batches took.
        package let elapsedSeconds: Double
        /// nil for what couldn't be read.
        package let voiceActivity: VoiceActivity?

        /// As `--device` takes them.
        package var deviceNames: String { devices.map(\.description).joined(separator: ",") }
    }

    private struct Utterance {
        let seconds: Double
        let voiceActivity: VoiceActivity
        /// One a chunk, nil until it is computed.
        var pieces: [Piece?]
        var missingCount: Int
        var elapsedSeconds = 0.0
        /// Their places in the model's list.
        var devices: [Int] = []
    }

    private let model: XLSRModel
    private let chunking: Chunking
    private let minimumSampleCount: Int
    private let progress: (_ seconds: Double, _ total: Double) -> Void
    private let finished: (Outcome) throws -> Void
    private let workers: BatchWorkers
    /// Whether the workers are other runs' too.
    private let sharesWorkers: Bool
    private let client: BatchClient
    private var window: BatchWindow
    /// Utterances that weren't delivered, in the order in which they were added.
    private var order: [Int] = []
    /// Those that aren't computed yet.
    private var utterances: [Int: Utterance] = [:]
    /// Those that are, and wait for older ones.
    private var outcomes: [Int: Outcome] = [:]

    /// - Parameters:
    ///   - batchSeconds: audio that is computed at a time, unless a single chunk is longer.
    ///   - minimumSampleCount: the shortest utterance; by default what the encoder needs.
    ///   - purpose: what `compute` is for, where batches may be shared with other runs (`sharingBatches`); nil: they
    ///     may not.
    ///   - compute: gives a piece for each chunk of a batch, by the model on one of its devices; on a thread of that.
    ///   - progress: gets how much of the utterance is done that comes next.
    ///   - finished: gets the utterances in the order in which they were added, on the caller's thread.
    package init(
        _ model: XLSRModel, _ chunking: Chunking, batchSeconds: Double, minimumSampleCount: Int? = nil,
        purpose: BatchPurpose? = nil, compute: @escaping @Sendable (XLSRModel, [ChunkInput]) throws -> [Piece],
        progress: @escaping (Double, Double) -> Void = { _, _ in }, finished: @escaping (Outcome) throws -> Void
    ) {
        self.model = model
        self.chunking = chunking
        self.minimumSampleCount = minimumSampleCount ?? model.configuration.minimumSampleCount
        self.progress = progress
        self.finished = finished
        let models = model.models
        sharesWorkers = model.sharedWorkers != nil
        workers = model.sharedWorkers ?? BatchWorkers(models.map(\.backend))
        client = BatchClient(deviceCount: models.count, purpose: purpose) { try compute(models[$0], $1) }
        window = BatchWindow(batchSeconds: batchSeconds)
    }

    deinit {
        stop()
    }

    /// Drops what isn't computed yet.
    private func stop() {
        workers.remove(client)
        if !sharesWorkers { workers.stop() }
    }

    /// What each device did, in the model's order.
    package var work: [DeviceWork] { client.work }
    /// The time in which any device computed.
    package var busySeconds: Double { client.busySeconds }

    /// Computes an utterance as soon as its batches are full, and delivers what is done of those before.
    /// - Throws: `AudioError` for a clip that can't be computed; `UsageError` for a chunking that makes no sense; what
    ///   `finished` throws; `CancellationError`.
    package func add(_ clip: AudioClip, index: Int) throws {
        let rate = model.featureExtractor.sampleRate
        let clip = try clip.resampled(to: rate)
        try model.check(clip, minimumSampleCount: minimumSampleCount)
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
        let clock = ContinuousClock()
        let start = clock.now
        var statistics: ChannelStatistics?
        if let ofFile, chunks.map(\.samples) != [clip.samples.indices] {
            do {
                statistics = try self.statistics(of: clip, ofFile)
            } catch let error as CancellationError {
                throw error
            } catch {
                return try add(failure: error, index: index)
            }
        }
        order.append(index)
        utterances[index] = Utterance(
            seconds: clip.seconds,
            voiceActivity: VoiceActivity(loudness, secondsPerFrame: Double(model.configuration.hop) / Double(rate)),
            pieces: chunks.map { _ in nil }, missingCount: chunks.count,
            elapsedSeconds: start.duration(to: clock.now) / .seconds(1))
        if order.first == index { progress(0, clip.seconds) }
        for (number, chunk) in chunks.enumerated() {
            while try receive(waits: false) {}
            guard utterances[index] != nil else { return }
            let samples = clip.samples[chunk.samples]
            let values = (ofFile ?? model.featureExtractor.scaling(of: samples)).values(of: samples)
            window.append(
                ChunkInput(
                    index: index, number: number, input: InputValues(values, statistics: statistics),
                    start: chunk.samples.lowerBound / model.configuration.hop + chunk.frames.lowerBound,
                    frames: chunk.frames, beginsInSilence: chunk.beginsInSilence,
                    seconds: Double(chunk.samples.count) / Double(rate),
                    end: Double(chunk.samples.upperBound) / Double(rate), isLast: number + 1 == chunks.count))
            try submit(isFlushing: false)
        }
    }

    /// Delivers in its turn that an utterance couldn't be had.
    /// - Throws: what `finished` throws; `CancellationError`.
    package func add(failure error: any Error, index: Int) throws {
        order.append(index)
        outcomes[index] = Outcome(
            index: index, pieces: .failure(error), model: model, devices: [], audioSeconds: 0, elapsedSeconds: 0,
            voiceActivity: nil)
        while try receive(waits: false) {}
        try deliver()
    }

    /// Computes and delivers clips, each under its place among them.
    /// - Throws: as `add(_:index:)`.
    package func finish(_ clips: [AudioClip]) throws {
        for (index, clip) in clips.enumerated() { try add(clip, index: index) }
        try finish()
    }

    /// Computes and delivers all that was added.
    package func finish() throws {
        try submit(isFlushing: true)
        while client.unfinishedCount > 0 { try receive(waits: true) }
        try deliver()
    }

    private func submit(isFlushing: Bool) throws {
        let share = isFlushing ? window.share(among: model.models.count) : .infinity
        while window.hasBatch(isFlushing: isFlushing) {
            if client.unfinishedCount >= workers.fillingCount {
                try receive(waits: true)
            } else {
                workers.submit(Batch(chunks: window.next(share: share)), of: client)
            }
        }
    }

    /// Takes in a batch that is done.
    /// - Returns: whether there was one.
    @discardableResult private func receive(waits: Bool) throws -> Bool {
        do {
            guard let completion = try client.next(waits: waits) else { return false }
            switch completion.pieces {
            case .success(let pieces): take(pieces, completion)
            case .failure(let error as CancellationError): throw error
            case .failure(let error): recover(completion.batch, from: error, of: completion.device)
            }
            try deliver()
            return true
        } catch {
            // Nobody will come for the rest.
            stop()
            throw error
        }
    }

    private func take(_ pieces: [any Sendable], _ completion: BatchClient.Completion) {
        let batch = completion.batch
        for (chunk, piece) in zip(batch.chunks, pieces) {
            guard var utterance = utterances.removeValue(forKey: chunk.index) else { continue }
            utterance.pieces[chunk.number] = piece as? Piece
            utterance.missingCount -= 1
            utterance.elapsedSeconds += completion.seconds * chunk.seconds / batch.seconds
            utterance.devices.removeAll { $0 == completion.device }
            utterance.devices.append(completion.device)
            if utterance.missingCount == 0 {
                outcomes[chunk.index] = outcome(chunk.index, utterance, .success(utterance.pieces.compactMap(\.self)))
            } else {
                utterances[chunk.index] = utterance
                guard order.first == chunk.index else { continue }
                let share = 1 - Double(utterance.missingCount) / Double(utterance.pieces.count)
                progress(share * utterance.seconds, utterance.seconds)
            }
        }
    }

    private func deliver() throws {
        while let index = order.first, let outcome = outcomes.removeValue(forKey: index) {
            order.removeFirst()
            try finished(outcome)
        }
    }

    private func fail(_ index: Int, _ error: any Error) {
        guard let utterance = utterances.removeValue(forKey: index) else { return }
        window.remove(utterance: index)
        workers.remove(utterance: index, of: client)
        outcomes[index] = outcome(index, utterance, .failure(error))
    }

    private func outcome(_ index: Int, _ utterance: Utterance, _ pieces: Result<[Piece], any Error>) -> Outcome {
        let models = model.models
        return Outcome(
            index: index, pieces: pieces, model: utterance.devices.last.map { models[$0] } ?? model,
            devices: utterance.devices.sorted().map { models[$0].backend.device }, audioSeconds: utterance.seconds,
            elapsedSeconds: utterance.elapsedSeconds, voiceActivity: utterance.voiceActivity)
    }
}

// MARK: - Failures

extension ChunkedRun {
    /// What a front-end with group norm needs to know of the whole utterance, from the first device that is left.
    private func statistics(of clip: AudioClip, _ scaling: SampleScaling) throws -> ChannelStatistics? {
        while true {
            let device = workers.firstLive
            let model = model.models[device]
            do {
                return try model.frontEnd.statistics(sampleCount: clip.samples.count, on: model.backend) {
                    ArraySlice(scaling.values(of: clip.samples[$0]))
                }
            } catch let error as TensorError where retire(device, after: error) {}
        }
    }

    /// Takes a device that is lost out of the run.
    /// - Returns: whether it was lost and another one is left.
    private func retire(_ device: Int, after error: TensorError?) -> Bool {
        guard let error, error.kind == .deviceFailure || error.kind == .deviceUnavailable,
            workers.hasOther(than: device)
        else { return false }
        if workers.retire(device) { model.deviceFailed?(model.models[device].backend.device, error) }
        return true
    }

    /// A device that is lost leaves its batch, and what comes after, to the others. What is too much for one device may
    /// fit another. And one by one, what is wrong with one chunk or too much for memory together spares the others.
    private func recover(_ batch: Batch, from error: any Error, of device: Int) {
        var batch = batch
        batch.chunks.removeAll { utterances[$0.index] == nil }
        guard let first = batch.chunks.first else { return }
        let kind = (error as? TensorError)?.kind
        let isLost = retire(device, after: error as? TensorError)
        let mayFit = (kind == .outOfMemory || kind == .unsupported) && batch.chunks.count == 1
        if isLost || mayFit, !batch.isRetry, workers.hasOther(than: device) {
            batch.isRetry = true
            batch.excludedDevice = device
            workers.submit(batch, of: client, isUrgent: true)
        } else if batch.chunks.count > 1 {
            for chunk in batch.chunks.reversed() {
                workers.submit(
                    Batch(chunks: [chunk], isRetry: batch.isRetry, excludedDevice: batch.excludedDevice), of: client,
                    isUrgent: true)
            }
        } else {
            fail(first.index, error)
        }
    }
}
