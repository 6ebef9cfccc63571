import Dispatch
import Synchronization
import TensorEngine

/// The devices of a model, each with threads of its own that take batches from one queue.
///
/// Several runs may share them. Batches of different runs that are for the same purpose then become one, as far as there
/// is room: a ragged batch gives each what it would give alone. Which is next is decided by self-clocked fair queueing
/// (Golestani 1994): each batch would end when its run's one before did, or now, and its own length later, and the first
/// to end comes first. So a short run passes by a long one's batches, and many short ones don't keep it from its share.
final class BatchWorkers: Sendable {
    /// A thread that computes one batch after another.
    private struct Lane: Sendable {
        let device: Int
        let queue: DispatchQueue
    }

    private struct Entry: Sendable {
        let batch: Batch
        let client: BatchClient
        /// When it would end if all runs were computed at the same speed: in seconds of each one's audio.
        let fairEnd: Double
        /// Whether it failed in company.
        var isAlone = false
    }

    /// What a thread computes at once.
    private struct Job: Sendable {
        let entries: [Entry]
        let flag = CancellationFlag()

        var seconds: Double { entries.reduce(0) { $0 + $1.batch.seconds } }
    }

    private struct DeviceState {
        var isRetired = false
        var lastEnd: ContinuousClock.Instant?
    }

    private struct State {
        /// The next one first.
        var waiting: [Entry] = []
        /// How far those are that are computed: the `fairEnd` of the last that was begun.
        var fairTime = 0.0
        var busyLanes: Set<Int> = []
        /// What lanes compute, by their places.
        var jobs: [Int: Job] = [:]
        var devices: [DeviceState]

        var liveCount: Int { devices.count { !$0.isRetired } }

        func may(_ device: Int, take batch: Batch) -> Bool {
            !devices[device].isRetired && (batch.excludedDevice != device || liveCount == 1)
        }

        /// The first that a device may take, and what can be computed together with it.
        mutating func next(for device: Int, upTo batchSeconds: Double) -> Job? {
            guard let index = waiting.firstIndex(where: { may(device, take: $0.batch) }) else { return nil }
            var entries = [waiting.remove(at: index)]
            guard !entries[0].isAlone, let purpose = entries[0].client.purpose else { return Job(entries: entries) }
            var room = batchSeconds - entries[0].batch.seconds
            var others: [Entry] = []
            for entry in waiting {
                if entry.client.purpose == purpose, !entry.isAlone, entry.batch.seconds <= room,
                    may(device, take: entry.batch)
                {
                    room -= entry.batch.seconds
                    entries.append(entry)
                } else {
                    others.append(entry)
                }
            }
            waiting = others
            return Job(entries: entries)
        }
    }

    private let backends: [any Backend]
    private let batchSeconds: Double
    private let lanes: [Lane]
    private let turns: [DeviceTurn]
    private let state: Mutex<State>

    /// - Parameter batchSeconds: up to how much audio batches of several runs become one; 0: never.
    init(_ backends: [any Backend], batchSeconds: Double = 0) {
        self.backends = backends
        self.batchSeconds = batchSeconds
        turns = backends.map { _ in DeviceTurn() }
        // The first of each device before the second ones: all devices get something to do first.
        let most = backends.map(\.batchesUnderWay).max() ?? 1
        lanes = (0..<most).flatMap { number in
            backends.indices.filter { backends[$0].batchesUnderWay > number }.map { device in
                Lane(device: device, queue: DispatchQueue(label: "\(backends[device].device) batch \(number)"))
            }
        }
        state = Mutex(State(devices: backends.map { _ in DeviceState() }))
    }

    /// How many batches of one run give every thread work and every device a batch after it.
    var fillingCount: Int { lanes.count + backends.count }

    /// The first device that takes batches. One always does.
    var firstLive: Int { state.withLock { $0.devices.firstIndex { !$0.isRetired } ?? 0 } }

    /// Whether another device takes batches.
    func hasOther(than device: Int) -> Bool {
        state.withLock { state in state.devices.indices.contains { $0 != device && !state.devices[$0].isRetired } }
    }

    /// - Parameter isUrgent: before those that wait.
    func submit(_ batch: Batch, of client: BatchClient, isUrgent: Bool = false) {
        client.add(unfinished: 1)
        state.withLock { state in
            guard !isUrgent else {
                return state.waiting.insert(Entry(batch: batch, client: client, fairEnd: 0), at: 0)
            }
            let end = client.nextFairEnd(now: state.fairTime, seconds: batch.seconds)
            let place = state.waiting.firstIndex { $0.fairEnd > end } ?? state.waiting.endIndex
            state.waiting.insert(Entry(batch: batch, client: client, fairEnd: end), at: place)
        }
        wake()
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
    func remove(utterance index: Int, of client: BatchClient) {
        let count = state.withLock { state in
            let count = state.waiting.count
            state.waiting = state.waiting.compactMap { entry in
                guard entry.client === client else { return entry }
                var batch = entry.batch
                batch.chunks.removeAll { $0.index == index }
                return batch.chunks.isEmpty
                    ? nil : Entry(batch: batch, client: client, fairEnd: entry.fairEnd, isAlone: entry.isAlone)
            }
            return count - state.waiting.count
        }
        client.add(unfinished: -count)
    }

    /// Drops what is left of a run. What is computed for it alone stops within a layer of the model.
    func remove(_ client: BatchClient) {
        client.stop()
        state.withLock { state in
            state.waiting.removeAll { $0.client === client }
            for job in state.jobs.values where job.entries.allSatisfy({ $0.client.isStopped }) {
                job.flag.raise()
            }
        }
    }

    /// Returns when no thread works any more: within a layer of the model. What is left is dropped.
    func stop() {
        state.withLock { state in
            state.waiting = []
            for job in state.jobs.values { job.flag.raise() }
        }
        for lane in lanes { lane.queue.sync {} }
    }

    // MARK: Threads

    /// Sets idle threads to work, as many as there are batches.
    private func wake() {
        let started = state.withLock { state in
            let idle = lanes.indices.filter { lane in
                !state.busyLanes.contains(lane)
                    && state.waiting.contains { state.may(lanes[lane].device, take: $0.batch) }
            }
            let started = idle.prefix(state.waiting.count)
            state.busyLanes.formUnion(started)
            return started
        }
        for lane in started {
            lanes[lane].queue.async { [self] in
                while let job = take(lane) { run(job, lanes[lane].device) }
            }
        }
    }

    private func take(_ lane: Int) -> Job? {
        state.withLock { state in
            let job = state.next(for: lanes[lane].device, upTo: batchSeconds)
            state.jobs[lane] = job
            if let job {
                state.fairTime = max(state.fairTime, job.entries[0].fairEnd)
            } else {
                state.busyLanes.remove(lane)
            }
            return job
        }
    }

    private func run(_ job: Job, _ device: Int) {
        let (start, backend) = (ContinuousClock.now, backends[device])
        for entry in job.entries { entry.client.began() }
        let pieces = turns[device].whileHeld {
            // Where another batch is under way, giving blocks up would wait for it: they stay until memory is short.
            if backend.batchesUnderWay == 1 { backend.pool.prepare(forWorkOf: job.seconds) }
            return CancellationFlag.$current.withValue(job.flag) {
                Result { try job.entries[0].client.compute(device, job.entries.flatMap(\.batch.chunks)) }
            }
        }
        let end = ContinuousClock.now
        let seconds = state.withLock { state in
            let begin = max(start, state.devices[device].lastEnd ?? start)
            state.devices[device].lastEnd = end
            return begin.duration(to: end) / .seconds(1)
        }
        deliver(pieces, of: job, device, seconds, at: end)
    }

    private func deliver(
        _ pieces: Result<[any Sendable], any Error>, of job: Job, _ device: Int, _ seconds: Double,
        at end: ContinuousClock.Instant
    ) {
        if case .failure = pieces, job.entries.count > 1 {
            // Which of them it was is found out one by one, and the others don't suffer for it.
            state.withLock { state in
                let alone = job.entries.filter { !$0.client.isStopped }
                    .map { Entry(batch: $0.batch, client: $0.client, fairEnd: 0, isAlone: true) }
                state.waiting.insert(contentsOf: alone, at: 0)
            }
            for entry in job.entries { entry.client.ended(nil, at: end) }
            return wake()
        }
        var start = 0
        for entry in job.entries {
            let range = start..<start + entry.batch.chunks.count
            start = range.upperBound
            entry.client.ended(
                BatchClient.Completion(
                    batch: entry.batch, device: device, pieces: pieces.map { Array($0[range.clamped(to: $0.indices)]) },
                    seconds: job.entries.count == 1 ? seconds : seconds * entry.batch.seconds / job.seconds),
                at: end)
        }
    }
}
