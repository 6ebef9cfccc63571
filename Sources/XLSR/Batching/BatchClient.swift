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

/// What batches are computed for. Those of one purpose are computed alike, so batches of several runs can be one.
package enum BatchPurpose: Hashable, Sendable {
    /// By the language whose adapter is used, and by the search that the frames are for.
    case transcription(language: String?, search: ObjectIdentifier?)
    case translation(GenerationSettings)
    case head
    /// By the blocks whose outputs are asked for.
    case tensors(Set<String>)
}

/// A run's side of the workers: the batches that it gave them, which come back in the order in which they are done.
///
/// Devices are known by their places in the model's list.
final class BatchClient: Sendable {
    typealias Compute = @Sendable (_ device: Int, [ChunkInput]) throws -> [any Sendable]

    struct Completion: Sendable {
        let batch: Batch
        let device: Int
        let pieces: Result<[any Sendable], any Error>
        /// Without the time in which the device was busy with the batch before; of a batch that several runs shared,
        /// this one's part.
        let seconds: Double
    }

    private struct State {
        var finished: [Completion] = []
        /// Batches that the run hasn't got back yet.
        var unfinishedCount = 0
        var work: [DeviceWork]
        var fairEnd = 0.0
        var computingCount = 0
        var computingSince: ContinuousClock.Instant?
        var busySeconds = 0.0
    }

    let compute: Compute
    /// Nil: its batches are its own.
    let purpose: BatchPurpose?
    private let isStoppedFlag = Atomic(false)
    private let state: Mutex<State>
    /// Signalled when a batch is done.
    private let event = DispatchSemaphore(value: 0)

    init(deviceCount: Int, purpose: BatchPurpose?, compute: @escaping Compute) {
        self.purpose = purpose
        self.compute = compute
        state = Mutex(State(work: Array(repeating: DeviceWork(), count: deviceCount)))
    }

    var unfinishedCount: Int { state.withLock(\.unfinishedCount) }
    var work: [DeviceWork] { state.withLock(\.work) }
    /// The time in which any device computed for it.
    var busySeconds: Double { state.withLock(\.busySeconds) }
    /// Whether nobody comes for its batches any more.
    var isStopped: Bool { isStoppedFlag.load(ordering: .relaxed) }

    func stop() { isStoppedFlag.store(true, ordering: .relaxed) }

    /// Batches were submitted, or with a negative count are forgotten.
    func add(unfinished count: Int) { state.withLock { $0.unfinishedCount += count } }

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

    // MARK: For the workers

    /// When its next batch would end; see `BatchWorkers`.
    func nextFairEnd(now: Double, seconds: Double) -> Double {
        state.withLock { state in
            state.fairEnd = max(state.fairEnd, now) + seconds
            return state.fairEnd
        }
    }

    /// A device begins with a batch of its.
    func began() {
        state.withLock { state in
            if state.computingCount == 0 { state.computingSince = .now }
            state.computingCount += 1
        }
    }

    /// A device ended with it.
    /// - Parameter completion: nil when it will be tried again.
    func ended(_ completion: Completion?, at end: ContinuousClock.Instant) {
        state.withLock { state in
            state.computingCount -= 1
            if state.computingCount == 0, let since = state.computingSince {
                state.busySeconds += since.duration(to: end) / .seconds(1)
            }
            guard let completion else { return }
            state.work[completion.device].seconds += completion.seconds
            if case .success = completion.pieces {
                state.work[completion.device].batchCount += 1
                state.work[completion.device].audioSeconds += completion.batch.seconds
            }
            state.finished.append(completion)
        }
        event.signal()
    }
}
