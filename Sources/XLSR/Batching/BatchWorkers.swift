import Dispatch
import Synchronization
import TensorEngine

/// A batch that is to be computed.
struct Batch: Sendable {
    var chunks: [ChunkInput]
    /// Whether a device failed to compute it, and which of them must not try again.
    var isRetry = false
    var excludedDevice: Int?

    var seconds: Double { chunks.reduce(0) { $0 + $1.seconds } }
}

/// What a device did of a run.
package struct DeviceWork: Sendable {
    package var batchCount = 0
    package var audioSeconds = 0.0
    package var seconds = 0.0

    package static func += (total: inout DeviceWork, part: DeviceWork) {
        total.batchCount += part.batchCount
        total.audioSeconds += part.audioSeconds
        total.seconds += part.seconds
    }
}

/// The devices of a model, each with threads of its own that take batches from one queue.
///
/// Devices are known by their places in the model's list. Batches come back in the order in which they are done.
final class BatchWorkers<Piece: Sendable>: Sendable {
    struct Completion: Sendable {
        let batch: Batch
        let device: Int
        let pieces: Result<[Piece], any Error>
        /// Without the time in which the device was busy with the batch before.
        let seconds: Double
    }

    /// A thread that computes one batch after another.
    private struct Lane: Sendable {
        let device: Int
        let queue: DispatchQueue
    }

    private struct DeviceState {
        var work = DeviceWork()
        var isRetired = false
        var lastEnd: ContinuousClock.Instant?
    }

    private struct State {
        var waiting: [Batch] = []
        var finished: [Completion] = []
        /// Batches that the caller hasn't got back yet.
        var unfinishedCount = 0
        var busyLanes: Set<Int> = []
        var devices: [DeviceState]
        var computingCount = 0
        var computingSince: ContinuousClock.Instant?
        var busySeconds = 0.0

        var liveCount: Int { devices.count { !$0.isRetired } }

        func may(_ device: Int, take batch: Batch) -> Bool {
            !devices[device].isRetired && (batch.excludedDevice != device || liveCount == 1)
        }
    }

    private let models: [XLSRModel]
    private let compute: @Sendable (XLSRModel, [ChunkInput]) throws -> [Piece]
    private let lanes: [Lane]
    private let turns: [DeviceTurn]
    private let flag = CancellationFlag()
    private let state: Mutex<State>
    /// Signalled when a batch is done.
    private let event = DispatchSemaphore(value: 0)

    init(_ models: [XLSRModel], compute: @escaping @Sendable (XLSRModel, [ChunkInput]) throws -> [Piece]) {
        self.models = models
        self.compute = compute
        turns = models.map { _ in DeviceTurn() }
        // The first of each device before the second ones: all devices get something to do first.
        let most = models.map(\.backend.batchesUnderWay).max() ?? 1
        lanes = (0..<most).flatMap { number in
            models.indices.filter { models[$0].backend.batchesUnderWay > number }.map { device in
                Lane(device: device, queue: DispatchQueue(label: "\(models[device].backend.device) batch \(number)"))
            }
        }
        state = Mutex(State(devices: models.map { _ in DeviceState() }))
    }

    /// Whether every thread has work and every device a batch after it.
    var isFull: Bool { state.withLock { $0.unfinishedCount >= lanes.count + models.count } }
    var isIdle: Bool { state.withLock { $0.unfinishedCount == 0 } }
    var work: [DeviceWork] { state.withLock { $0.devices.map(\.work) } }
    /// The time in which any device computed.
    var busySeconds: Double { state.withLock(\.busySeconds) }

    /// The first device that takes batches. One always does.
    var firstLive: Int { state.withLock { $0.devices.firstIndex { !$0.isRetired } ?? 0 } }

    /// Whether another device takes batches.
    func hasOther(than device: Int) -> Bool {
        state.withLock { state in state.devices.indices.contains { $0 != device && !state.devices[$0].isRetired } }
    }

    /// - Parameter isUrgent: before those that wait.
    func submit(_ batch: Batch, isUrgent: Bool = false) {
        state.withLock { state in
            state.unfinishedCount += 1
            state.waiting.insert(batch, at: isUrgent ? 0 : state.waiting.endIndex)
        }
        wake()
    }

    /// The next batch that is done; nil when there is none.
    /// - Parameter waits: whether to wait for one that is under way.
    /// - Throws: `CancellationError`.
    func next(waits: Bool) throws -> Completion? {
        while true {
            try CancellationFlag.check()
            let (completion, isIdle) = state.withLock { state in
                let completion = state.finished.isEmpty ? nil : state.finished.removeFirst()
                if completion != nil { state.unfinishedCount -= 1 }
                return (completion, state.unfinishedCount == 0)
            }
            guard completion == nil, waits, !isIdle else { return completion }
            // A task that is cancelled wakes nobody.
            _ = event.wait(timeout: .now() + .milliseconds(CancellationFlag.checkMilliseconds))
        }
    }

    /// Takes a device's queue away from it, if there is another one.
    /// - Returns: whether this call did.
    func retire(_ device: Int) -> Bool {
        let isDone = state.withLock { state in
            guard !state.devices[device].isRetired, state.liveCount > 1 else { return false }
            state.devices[device].isRetired = true
            return true
        }
        wake()
        return isDone
    }

    /// Forgets the chunks of an utterance that nobody began with.
    func remove(utterance index: Int) {
        state.withLock { state in
            let count = state.waiting.count
            state.waiting = state.waiting.compactMap { batch in
                var batch = batch
                batch.chunks.removeAll { $0.index == index }
                return batch.chunks.isEmpty ? nil : batch
            }
            state.unfinishedCount -= count - state.waiting.count
        }
    }

    /// Returns when no thread works any more: within a layer of the model. What is left is dropped.
    func stop() {
        flag.raise()
        state.withLock { $0.waiting = [] }
        for lane in lanes { lane.queue.sync {} }
    }

    // MARK: Threads

    /// Sets idle threads to work, as many as there are batches.
    private func wake() {
        let started = state.withLock { state in
            let idle = lanes.indices.filter { lane in
                !state.busyLanes.contains(lane) && state.waiting.contains { state.may(lanes[lane].device, take: $0) }
            }
            let started = idle.prefix(state.waiting.count)
            state.busyLanes.formUnion(started)
            return started
        }
        for lane in started {
            lanes[lane].queue.async { [self] in
                CancellationFlag.$current.withValue(flag) {
                    while let batch = take(lane) { run(batch, lanes[lane].device) }
                }
            }
        }
    }

    private func take(_ lane: Int) -> Batch? {
        state.withLock { state in
            let device = lanes[lane].device
            guard let index = state.waiting.firstIndex(where: { state.may(device, take: $0) }) else {
                state.busyLanes.remove(lane)
                return nil
            }
            if state.computingCount == 0 { state.computingSince = .now }
            state.computingCount += 1
            return state.waiting.remove(at: index)
        }
    }

    private func run(_ batch: Batch, _ device: Int) {
        let start = ContinuousClock.now
        let model = models[device]
        let pieces = turns[device].whileHeld {
            // Where another batch is under way, giving blocks up would wait for it: they stay until memory is short.
            if model.backend.batchesUnderWay == 1 { model.backend.pool.prepare(forWorkOf: batch.seconds) }
            return Result { try compute(model, batch.chunks) }
        }
        state.withLock { state in
            let end = ContinuousClock.now
            let begin = max(start, state.devices[device].lastEnd ?? start)
            let seconds = begin.duration(to: end) / .seconds(1)
            state.devices[device].lastEnd = end
            state.devices[device].work.seconds += seconds
            if case .success = pieces {
                state.devices[device].work.batchCount += 1
                state.devices[device].work.audioSeconds += batch.seconds
            }
            state.computingCount -= 1
            if state.computingCount == 0, let since = state.computingSince {
                state.busySeconds += since.duration(to: end) / .seconds(1)
            }
            state.finished.append(Completion(batch: batch, device: device, pieces: pieces, seconds: seconds))
        }
        event.signal()
    }
}
