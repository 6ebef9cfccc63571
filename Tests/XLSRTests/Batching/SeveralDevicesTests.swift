import Backends
import Dispatch
import FoundationEssentials
import Glibc
import Synchronization
import TensorEngine
import Testing
import XLSR

@Suite struct SeveralDevicesTests {
    private struct Failure: Error {}

    private let second = Device.opencl(7)

    /// On two backends, of which the second calls itself `opencl:7`.
    private func pair(
        batchesUnderWay: Int = 1, beforeUpload: @escaping @Sendable () throws -> Void = {},
        beforeDownload: @escaping @Sendable () throws -> Void = {}
    ) throws -> XLSRModel {
        let other = WrappedBackend(
            try oneThread(), as: second, batchesUnderWay: batchesUnderWay, beforeUpload: beforeUpload,
            beforeDownload: beforeDownload)
        return try demoModel(on: [oneThread(), other])
    }

    private func wave(_ clip: AudioClip) -> [UInt8] {
        WAVBuilder(tag: 3, bits: 32, data: clip.samples.flatMap { little($0.bitPattern) }).bytes
    }

    private func silence(_ seconds: Double) -> AudioClip {
        AudioClip(samples: [Float](repeating: 0, count: Int(seconds * 16_000)), sampleRate: 16_000)
    }

    @Test func batchesOfSeveralDevicesAreTheSingleResultsInTheirOrder() throws {
        let clips = try demoClips()
        let alone = try demoModel(on: [oneThread()])
        let expected = try clips.map { try alone.transcribe([$0])[0] }
        let model = try pair()
        #expect(model.devices == [.simd, second])
        for batchSeconds in [1, 7, 30.0] {
            let transcripts = try model.transcribe(clips, batchSeconds: batchSeconds)
            #expect(transcripts.map(\.text) == expected.map(\.text))
            for (actual, expected) in zip(transcripts.flatMap(\.words), expected.flatMap(\.words)) {
                #expect(actual.start == expected.start && actual.end == expected.end)
                #expect((actual.confidence - expected.confidence).magnitude < 1e-4)
            }
        }
    }

    @Test func chunksOfOneUtteranceAreJoinedWhicheverDeviceComputedThem() throws {
        let samples = try Demo.recordingNames.prefix(2).flatMap { try Demo.recording(named: $0).samples }
        let chunking = Chunking(seconds: 2)
        let alone = try demoModel(on: [oneThread()]).transcribe(samples, sampleRate: 16_000, chunking: chunking)
        #expect(try pair().transcribe(samples, sampleRate: 16_000, chunking: chunking).text == alone.text)
        #expect(try pair().features(of: samples, sampleRate: 16_000, chunking: chunking).backend.device == .simd)

        // Frames that are pooled after the devices gave them.
        let golden = try Golden("classifier")
        let single = try XLSRModel.load(golden.folder, on: oneThread())
        let double = try XLSRModel.load(golden.folder, on: [oneThread(), WrappedBackend(oneThread(), as: second)])
        let audio = Array(samples.prefix(16_000))
        let short = Chunking(seconds: 0.2)
        let expected = try #require(single.headOutputs(of: audio, sampleRate: 16_000, chunking: short)["logits"])
            .floats()
        let actual = try #require(double.headOutputs(of: audio, sampleRate: 16_000, chunking: short)["logits"]).floats()
        #expect(!expected.isEmpty && largestDifference(actual, expected) < 1e-4 * largest(expected))
    }

    @Test func everyDeviceTakesFromOneQueueAndResultsWaitForTheirTurn() throws {
        let (computed, gate) = (Log<(index: Int, device: Device)>(), Gate())
        var order: [Int] = []
        let run = ChunkedRun(try pair(), .automatic, batchSeconds: 1) { model, chunks in
            // The first batch is the last to be done.
            if chunks[0].index == 0 { #expect(gate.wait()) }
            if computed.append((chunks[0].index, model.backend.device)) == 11 { gate.open() }
            return chunks.map(\.index)
        } finished: { outcome in
            order.append(outcome.index)
            let pieces = try outcome.pieces.get()
            #expect(pieces == [outcome.index])
            #expect(outcome.devices == computed.all.filter { $0.index == outcome.index }.map(\.device))
        }
        for index in 0..<12 { try run.add(silence(1), index: index) }
        try run.finish()
        #expect(order == Array(0..<12))
        #expect(computed.all.last?.index == 0)
        #expect(run.work.map(\.batchCount).sorted() == [1, 11] && run.busySeconds > 0)
    }

    @Test func aFileThatCannotBeReadFailsInItsTurn() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "several-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let names = ["a.wav", "none.wav", "b.wav", "bad.wav", "c.wav"]
        for (index, name) in names.enumerated() where name.count == 5 {
            let clip = try Demo.recording(named: Demo.recordingNames[index])
            try write(wave(clip), to: folder.appending(path: name).path)
        }
        try write("RIFF", to: folder.appending(path: "bad.wav").path)
        var texts: [String?] = []
        for try await file in try pair().transcripts(of: names.map { folder.appending(path: $0) }, batchSeconds: 1) {
            #expect(file.url.lastPathComponent == names[texts.count])
            texts.append((try? file.result.get())?.text)
            #expect(file.devices.count == ((texts.last ?? nil) == nil ? 0 : 1))
        }
        let said = Demo.recordingNames.map(Demo.transcript(ofRecording:))
        #expect(texts == [said[0], nil, said[2], nil, said[4]])
    }

    @Test func aCancelledSequenceOfFilesEndsWithAnErrorAndWhatIsNoFileGivesOne() async throws {
        let web = try #require(URL(string: "https://example.com/a.wav"))
        let model = try demoModel(on: [oneThread()])
        var errors: [String] = []
        for try await file in model.transcripts(of: [web]) {
            if case .failure(let error) = file.result { errors.append("\(error)") }
        }
        #expect(errors == ["https://example.com/a.wav: is not a file's URL"])
        let task = Task {
            for try await _ in model.transcripts(of: Array(repeating: web, count: 1000)) {
                withUnsafeCurrentTask { $0?.cancel() }
            }
        }
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func progressOfSeveralClipsEndsAtTheirSum() throws {
        let clips = try demoClips()
        var steps: [Double] = []
        _ = try demoModel(on: [oneThread()]).transcribe(clips) { seconds, total in
            steps.append(seconds)
            #expect((total - clips.reduce(0) { $0 + $1.seconds }).magnitude < 1e-9)
        }
        #expect(
            steps == steps.sorted()
                && steps.last.map { ($0 - clips.reduce(0) { $0 + $1.seconds }).magnitude < 1e-9 } == true)
    }

    // MARK: Failures

    @Test func aDeviceThatIsLostLeavesItsWorkToTheOthersAndIsReportedOnce() throws {
        let uploads = Atomic(0)
        var model = try pair(beforeUpload: {
            // Weights are uploads too: it lives for some of the batches.
            guard uploads.wrappingAdd(1, ordering: .relaxed).newValue <= 400 else {
                throw TensorError(.deviceFailure, operation: "upload", "lost", device: .opencl(7))
            }
        })
        let atLoad = uploads.load(ordering: .relaxed)
        #expect(0 < atLoad && atLoad < 400, "\(atLoad)")
        uploads.store(400 - 3, ordering: .relaxed)
        let failures = Log<String>()
        model.deviceFailed = { failures.append("\($0): \($1)") }
        let clips = try demoClips()
        let transcripts = try model.transcribe(clips, batchSeconds: 3)
        let alone = try demoModel(on: [oneThread()])
        #expect(transcripts.map(\.text) == (try clips.map { try alone.transcribe([$0])[0].text }))
        #expect(failures.all == ["opencl:7: upload: lost (device opencl:7)"])
    }

    @Test func whatNoDeviceCanComputeFailsAndSparesTheOthers() throws {
        let model = try pair()
        for kind in [TensorError.Kind.deviceFailure, .outOfMemory, .invalidArgument] {
            let tries = Log<Device>()
            var failed: [Int] = []
            let run = ChunkedRun(model, .automatic, batchSeconds: 3) { model, chunks in
                if chunks.contains(where: { $0.index == 4 }) {
                    if chunks.count == 1 { tries.append(model.backend.device) }
                    throw TensorError(kind, operation: "test", "no")
                }
                return chunks.map(\.index)
            } finished: { outcome in
                if (try? outcome.pieces.get()) == nil { failed.append(outcome.index) }
            }
            for index in 0..<9 { try run.add(silence(1), index: index) }
            try run.finish()
            #expect(failed == [4])
            // Too much for one device may fit another.
            #expect(Set(tries.all).count == (kind == .outOfMemory ? 2 : 1) && tries.all.count <= 2, "\(kind)")
        }
    }

    @Test func whenAllDevicesAreLostEveryFileSaysWhy() throws {
        var model = try pair()
        let failures = Log<Device>()
        model.deviceFailed = { device, _ in failures.append(device) }
        var messages: [String] = []
        let run = ChunkedRun<Int>(model, .automatic, batchSeconds: 2) { _, _ in
            throw TensorError(.deviceFailure, operation: "test", "gone")
        } finished: { outcome in
            if case .failure(let error) = outcome.pieces { messages.append("\(error)") }
        }
        for index in 0..<5 { try run.add(silence(1), index: index) }
        try run.finish()
        #expect(messages == Array(repeating: "test: gone", count: 5))
        // The last one has nobody to leave its work to.
        #expect(failures.all.count == 1)
    }

    // MARK: Overlap

    @Test func theNextInputIsPreparedWhileTheDeviceComputes() throws {
        let model = try demoModel(on: [oneThread()])
        let gate = Gate()
        var count = 0
        let run = ChunkedRun(model, .automatic, batchSeconds: 0) { _, chunks in
            if chunks[0].index == 0 { #expect(gate.wait(), "nobody prepared another one meanwhile") }
            return chunks.map(\.index)
        } finished: { _ in
            count += 1
        }
        try run.add(silence(1), index: 0)
        try run.add(silence(1), index: 1)
        #expect(count == 0)
        gate.open()
        try run.finish()
        #expect(count == 2)
    }

    @Test func littleIsPreparedAheadOfTheDevices() throws {
        let added = Atomic(0)
        let computed = Atomic(0)
        let most = Mutex(0)
        let run = ChunkedRun(try pair(), .automatic, batchSeconds: 4) { _, chunks in
            usleep(500)
            let done = computed.wrappingAdd(chunks.count, ordering: .relaxed).newValue
            most.withLock { $0 = max($0, added.load(ordering: .relaxed) - done) }
            return chunks.map(\.index)
        } finished: { _ in
        }
        for index in 0..<300 {
            added.add(1, ordering: .relaxed)
            try run.add(silence(1), index: index)
        }
        try run.finish()
        // A window of eight batches, two that are computed, two that wait, and the clip that comes.
        let limit = 4 * (8 + 2 + 2) + 2
        let count = most.withLock { $0 }
        #expect(count <= limit)
        #expect(computed.load(ordering: .relaxed) == 300)
    }

    @Test func aDeviceThatQueuesHasTheNextBatchWhileTheHostWaits() throws {
        let (gate, computed) = (Gate(), Log<Int>())
        let isLoaded = Atomic(false)
        let backend = WrappedBackend(
            try oneThread(), as: second, batchesUnderWay: 2,
            beforeDownload: {
                // The first download is the first batch's.
                guard isLoaded.exchange(false, ordering: .relaxed) else { return }
                #expect(gate.wait(), "nothing was queued meanwhile")
            })
        let model = try demoModel(on: [backend])
        isLoaded.store(true, ordering: .relaxed)
        let run = ChunkedRun(model, .automatic, batchSeconds: 0) { model, chunks in
            if computed.append(chunks[0].index) == 2 { gate.open() }
            return try model.tensors(named: ["extract_features"], of: chunks).map(\.count)
        } finished: { outcome in
            let pieces = try outcome.pieces.get()
            #expect(pieces == [1])
        }
        for index in 0..<3 { try run.add(silence(1), index: index) }
        try run.finish()
        #expect(computed.all.count == 3)
    }

    @Test func aTurnEndsWhereTheHostWaitsForTheDevice() throws {
        let tensor = try Tensor([1, 2], shape: [2], on: oneThread())
        let (turn, isSecondIn, started) = (DeviceTurn(), Gate(), Gate())
        let entries = Log<String>()
        let other = DispatchQueue(label: "other")
        turn.whileHeld {
            other.async {
                started.open()
                turn.whileHeld {
                    entries.append("second")
                    isSecondIn.open()
                }
            }
            #expect(started.wait())
            usleep(5000)
            entries.append("first")
            _ = try? tensor.floats()
            #expect(isSecondIn.wait())
        }
        other.sync {}
        #expect(entries.all == ["first", "second"])
    }

    @Test func cancellationReachesTheLayersOnTheDevicesThreads() async throws {
        let model = try pair()
        let started = Log<Bool>()
        let task = Task.detached {
            let run = ChunkedRun<Int>(model, .automatic, batchSeconds: 0) { model, chunks in
                started.append(true)
                // Far longer than any test may take.
                for _ in 0..<100_000 { _ = try model.evidence(of: chunks, for: .bestPath) }
                return chunks.map(\.index)
            } finished: { _ in
            }
            for index in 0..<2 { try run.add(silence(3), index: index) }
            try run.finish()
        }
        while started.all.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func anErrorOfTheReceiverStopsTheDevices() throws {
        let computed = Log<Int>()
        let run = ChunkedRun(try pair(), .automatic, batchSeconds: 0) { _, chunks in
            computed.append(chunks[0].index)
            return chunks.map(\.index)
        } finished: { _ in
            throw Failure()
        }
        #expect(throws: Failure.self) {
            for index in 0..<100 { try run.add(silence(1), index: index) }
        }
        let count = computed.all.count
        #expect(count < 10)
        usleep(20_000)
        #expect(computed.all.count == count)
    }
}
