import Backends
import Dispatch
import Synchronization
import TensorEngine
import Testing
import XLSR

/// Runs that take turns on one thread: a chunk is submitted when it is added, since batches have no room for others.
@Suite(.timeLimit(.minutes(2))) struct SharedBatchesTests {
    private struct Failure: Error {}

    /// What devices computed: the seconds of the chunks of each batch.
    private typealias Batches = Log<[Double]>

    private func model(batchSeconds: Double = 3) throws -> XLSRModel {
        try demoModel(on: [oneThread()]).sharingBatches(ofSeconds: batchSeconds)
    }

    private func silence(_ seconds: Double) -> AudioClip {
        AudioClip(samples: [Float](repeating: 0, count: Int(seconds * 16_000)), sampleRate: 16_000)
    }

    /// A run whose pieces are the lengths of the chunks.
    private func run(
        _ model: XLSRModel, _ batches: Batches, purpose: BatchPurpose? = .head, seconds: [Double],
        before: @escaping @Sendable ([Double]) throws -> Void = { _ in },
        finished: @escaping (Result<[Double], any Error>) -> Void = { _ in }
    ) throws -> ChunkedRun<Double> {
        let run = ChunkedRun(model, .automatic, batchSeconds: 0, purpose: purpose) { _, chunks in
            batches.append(chunks.map(\.seconds))
            try before(chunks.map(\.seconds))
            return chunks.map(\.seconds)
        } finished: {
            finished($0.pieces)
        }
        for (index, length) in seconds.enumerated() { try run.add(silence(length), index: index) }
        return run
    }

    /// One that the device computes already, until the gate opens.
    private func busyRun(_ model: XLSRModel, _ batches: Batches, until gate: Gate) throws -> ChunkedRun<Double> {
        let begun = Gate()
        let run = try run(model, batches, seconds: [0.5]) { _ in
            begun.open()
            #expect(gate.wait())
        }
        #expect(begun.wait())
        return run
    }

    @Test func batchesOfRunsBecomeOneAsFarAsThereIsRoom() throws {
        let (model, batches, gate) = (try model(), Batches(), Gate())
        let first = try busyRun(model, batches, until: gate)
        var results: [[Double]] = []
        let take = { (result: Result<[Double], any Error>) in results.append((try? result.get()) ?? []) }
        let others = try [1, 1.25, 2.5, 0.75, 1.5].map { try run(model, batches, seconds: [$0], finished: take) }
        let own = try run(model, batches, purpose: nil, seconds: [0.25], finished: take)
        let features = try run(model, batches, purpose: .tensors(["a"]), seconds: [0.125], finished: take)
        gate.open()
        for run in [first] + others + [own, features] { try run.finish() }
        // As each would end if all were computed at the same speed.
        #expect(batches.all == [[0.5], [0.125], [0.25], [0.75, 1, 1.25], [1.5], [2.5]])
        #expect(results == [[1], [1.25], [2.5], [0.75], [1.5], [0.25], [0.125]])
        #expect(others[0].work[0].batchCount == 1 && others[0].work[0].audioSeconds == 1)
        #expect(others[0].busySeconds > 0)
    }

    @Test func aShortOnePassesByALongOne() throws {
        let (model, batches, begun, gate, ended) = (try model(batchSeconds: 0), Batches(), Gate(), Gate(), Gate())
        DispatchQueue(label: "long").async {
            #expect(throws: Never.self) {
                try run(model, batches, seconds: Array(repeating: 1, count: 20)) { _ in
                    begun.open()
                    if batches.all.count == 1 { #expect(gate.wait()) }
                }.finish()
            }
            ended.open()
        }
        #expect(begun.wait())
        var place = 0
        let short = try run(model, batches, seconds: [0.5]) { _ in
        } finished: { _ in
            place = batches.all.firstIndex(of: [0.5]) ?? 0
        }
        gate.open()
        try short.finish()
        #expect(place == 1)
        #expect(ended.wait() && batches.all.count == 21)
    }

    @Test func manyShortOnesLeaveALongOneItsShare() throws {
        let (model, batches, begun, step) = (try model(batchSeconds: 0), Batches(), Gate(), Gate())
        let wait: @Sendable ([Double]) -> Void = { _ in
            begun.open()
            #expect(step.wait())
        }
        var longCount = 2
        let long = try run(model, batches, seconds: [1, 1], before: wait)
        #expect(begun.wait())
        var runs: [ChunkedRun<Double>] = []
        // Whenever the device has to choose, one of each waits.
        for _ in 0..<16 {
            runs.append(try run(model, batches, seconds: [0.5], before: wait))
            step.open()
            #expect(begun.wait())
            if batches.all.count(where: { $0 == [1] }) == longCount {
                try long.add(silence(1), index: longCount)
                longCount += 1
            }
        }
        // Each time it is computed one more short one waits, so its share is that of one of ever more.
        #expect(batches.all.count { $0 == [1] } >= 4 && batches.all.count { $0 == [0.5] } >= 8)
        for _ in 0..<24 { step.open() }
        for run in [long] + runs { try run.finish() }
        #expect(batches.all.count == longCount + 16)
    }

    @Test func whatIsWrongWithOneUtteranceFailsItAlone() throws {
        let (model, batches, gate) = (try model(), Batches(), Gate())
        let first = try busyRun(model, batches, until: gate)
        var results: [[Double]?] = []
        let others = try [1, 0.75, 1.25].map { length in
            try run(model, batches, seconds: [length]) { seconds in
                if seconds.contains(0.75) { throw Failure() }
            } finished: {
                results.append(try? $0.get())
            }
        }
        gate.open()
        for run in [first] + others { try run.finish() }
        #expect(results == [[1], nil, [1.25]])
        #expect(batches.all == [[0.5], [0.75, 1, 1.25], [0.75], [1], [1.25]])
    }

    @Test func whatNobodyWaitsForIsDropped() throws {
        let (model, batches, begun, stopped) = (try model(), Batches(), Gate(), Gate())
        do {
            let dropped = try run(model, batches, seconds: [0.5]) { _ in
                begun.open()
                while true {
                    do { try CancellationFlag.check() } catch {
                        stopped.open()
                        throw error
                    }
                }
            }
            #expect(begun.wait())
            try dropped.add(silence(0.75), index: 1)
        }
        #expect(stopped.wait())
        var results: [Double] = []
        try run(model, batches, seconds: [1]) { _ in
        } finished: {
            results = (try? $0.get()) ?? []
        }.finish()
        #expect(results == [1] && batches.all == [[0.5], [1]])
    }

    @Test func callersOnManyThreadsGetWhatTheyWouldAlone() throws {
        let clips = try demoClips()
        let alone = try demoModel(on: [oneThread()])
        let expected = try alone.transcribe(clips).map(\.text)
        for model in [try model(batchSeconds: 30), try pair().sharingBatches()] {
            let texts = Log<(index: Int, text: String)>()
            DispatchQueue.concurrentPerform(iterations: 3 * clips.count) { index in
                let clip = clips[index % clips.count]
                #expect(throws: Never.self) {
                    let text = try model.transcribe(clip.samples, sampleRate: clip.sampleRate).text
                    texts.append((index % clips.count, text))
                }
            }
            #expect(texts.all.count == 3 * clips.count)
            for result in texts.all { #expect(result.text == expected[result.index]) }
            // Alone on the first device.
            let features = try model.features(of: clips[0].samples, sampleRate: 16_000)
            #expect(features.backend === model.backend)
        }
    }

    @Test func aLostDeviceIsLostForAll() throws {
        let lost = Log<Device>()
        let isGone = Atomic(false)
        var model = try pair {
            guard isGone.load(ordering: .relaxed) else { return }
            throw TensorError(.deviceFailure, operation: "upload", "gone")
        }
        isGone.store(true, ordering: .relaxed)
        model.deviceFailed = { device, _ in lost.append(device) }
        let shared = model.sharingBatches(ofSeconds: 1)
        let clips = try demoClips()
        let expected = try demoModel(on: [oneThread()]).transcribe(clips).map(\.text)
        for _ in 0..<2 { #expect(try shared.transcribe(clips, batchSeconds: 1).map(\.text) == expected) }
        #expect(lost.all == [.opencl(7)])
    }

    private func pair(beforeUpload: @escaping @Sendable () throws -> Void = {}) throws -> XLSRModel {
        let other = WrappedBackend(try oneThread(), as: .opencl(7), beforeUpload: beforeUpload)
        return try demoModel(on: [oneThread(), other])
    }
}
