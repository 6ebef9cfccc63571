import FoundationEssentials
import Synchronization
import TensorEngine
import Testing
import XLSR

@Suite struct ChunkedTranscriptTests {
    private let model: XLSRModel
    /// The bundled recordings, one after another.
    private let clip: AudioClip

    init() throws {
        model = try XLSRModel.demo(device: .simd)
        let samples = try Demo.recordingNames.flatMap { try Demo.recording(named: $0).samples }
        clip = AudioClip(samples: samples, sampleRate: 16_000)
    }

    /// See Goldens/make_chunked_transcripts.py.
    @Test func everyChunkingHearsWhatThePipelineOfTransformersHears() throws {
        let path = testFolder + "/Goldens/demo/chunked.json"
        let golden = try JSON(parsing: Data(contentsOf: URL(filePath: path)), path: path)
        #expect(golden["samples"]?.int == clip.samples.count)
        let cases = try #require(golden["cases"]?.array)
        #expect(Set(cases.compactMap { $0["text"]?.string }).count >= 4, "settings make a difference")
        for golden in cases {
            let seconds = try #require(golden["chunk_seconds"]?.double)
            let strideSeconds = golden["stride_seconds"]?.double
            let chunking = Chunking(seconds: seconds, strideSeconds: strideSeconds)
            for batchSeconds in [1, 13.0, 60] {
                let transcript = try model.transcribe([clip], chunking: chunking, batchSeconds: batchSeconds)[0]
                #expect(transcript.text == golden["text"]?.string, "\(chunking), \(batchSeconds)")
                // Without strides, the pipeline's times lose a frame with each chunk.
                guard try chunking.sizes(sampleRate: 16_000, model.configuration).stride > 0 else { continue }
                let starts = try #require(golden["starts"]?.array).compactMap(\.double)
                #expect(transcript.words.map { ($0.start * 1000).rounded() / 1000 } == starts)
            }
        }
    }

    @Test func timesStayRightWithoutStrides() throws {
        let whole = try model.transcribe([clip], chunking: .none)[0]
        let chunked = try model.transcribe([clip], chunking: Chunking(seconds: 1, strideSeconds: 0))[0]
        let (last, expected) = (try #require(chunked.words.last), try #require(whole.words.last))
        #expect(abs(last.start - expected.start) < 0.1, "29 chunks would shift it by 0.58 s")
    }

    @Test func upToAMinuteNothingIsCut() throws {
        #expect(try model.transcribe([clip])[0] == model.transcribe([clip], chunking: .none)[0])
        #expect(
            try model.logits(of: clip.samples, sampleRate: 16_000).floats()
                == model.outputs(of: [clip]).logits?.floats())
    }

    @Test func chunksOfSeveralClipsShareBatches() throws {
        let short = try Demo.recording(named: Demo.recordingNames[0])
        let chunking = Chunking(seconds: 4)
        let clips = [short, clip, short]
        let together = try model.transcribe(clips, chunking: chunking, batchSeconds: 10)
        #expect(together.map(\.text) == (try clips.map { try model.transcribe([$0], chunking: chunking)[0].text }))
    }

    @Test func framesOfAllChunksAreTheWholeClipsFrames() throws {
        let chunking = Chunking(seconds: 4)
        let frameCount = model.configuration.frameCount(samples: clip.samples.count)
        #expect(try model.logits(of: clip.samples, sampleRate: 16_000, chunking: chunking).shape == [frameCount, 37])
        #expect(
            try model.features(of: clip.samples, sampleRate: 16_000, chunking: chunking).shape == [frameCount, 128])
    }

    @Test func oneNormalizationForTheFileMakesQuietPartsStayQuiet() throws {
        // The second half a thousand times quieter: each chunk by itself doesn't notice.
        let recording = try Demo.recording(named: Demo.recordingNames[0]).samples
        let samples = recording + recording.map { $0 / 1000 }
        func loudness(_ normalization: Chunking.Normalization) throws -> [Float] {
            let chunking = Chunking(
                seconds: Double(recording.count) / 16_000, strideSeconds: 0, normalization: normalization)
            let inputs = Mutex<[[Float]]>([])
            let run = ChunkedRun(model, chunking, batchSeconds: 1) { _, chunks in
                inputs.withLock { $0 += chunks.map(\.input.values) }
                return chunks.map { _ in 0 }
            } finished: { _ in
            }
            try run.add(AudioClip(samples: samples, sampleRate: 16_000), index: 0)
            try run.finish()
            return inputs.withLock { $0.map(largest) }
        }
        let (alone, together) = (try loudness(.utterance), try loudness(.file))
        #expect(alone.count == together.count && alone.count >= 2)
        #expect(alone[1] > 1 && together[1] < 0.1)
    }

    @Test func aFailingChunkFailsItsUtteranceAndSparesTheOthers() throws {
        struct Failure: Error {}
        let short = try Demo.recording(named: Demo.recordingNames[0])
        var outcomes: [Int: Bool] = [:]
        let computed = Mutex<[Int]>([])
        let run = ChunkedRun(model, Chunking(seconds: 4), batchSeconds: 9) { _, chunks in
            if chunks.contains(where: { $0.index == 1 && $0.start > 400 }) { throw Failure() }
            computed.withLock { $0 += chunks.map(\.index) }
            return chunks.map(\.index)
        } finished: { outcome in
            outcomes[outcome.index] = (try? outcome.pieces.get()) != nil
        }
        for (index, clip) in [short, clip, short].enumerated() { try run.add(clip, index: index) }
        try run.finish()
        #expect(outcomes == [0: true, 1: false, 2: true])
        #expect(computed.withLock { $0.count { $0 == 1 } } <= 4, "of 11: nothing is begun after the failure")
    }

    @Test(.timeLimit(.minutes(2))) func workThatWasAskedForStopsWithItsTask() async throws {
        let clip = clip
        let text = try await model.perform { try $0.transcribe([clip])[0].text }
        #expect(try text == model.transcribe([clip])[0].text)
        let (beginnings, beginning) = AsyncStream.makeStream(of: Void.self)
        let task = Task { [model] in
            try await model.perform { model in
                while true {
                    _ = try model.transcribe([clip])
                    beginning.yield()
                }
            }
        }
        for await _ in beginnings { break }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func cancellationStopsBetweenBatches() async throws {
        let (model, clip) = (model, clip)
        let task = Task {
            let batches = Atomic(0)
            let run = ChunkedRun(model, Chunking(seconds: 1), batchSeconds: 1) { _, chunks in
                batches.add(1, ordering: .relaxed)
                return chunks.map { _ in 0 }
            } progress: { seconds, _ in
                if seconds > 5 { withUnsafeCurrentTask { $0?.cancel() } }
            } finished: { _ in
            }
            #expect(throws: CancellationError.self) {
                try run.add(clip, index: 0)
                try run.finish()
            }
            return batches.load(ordering: .relaxed)
        }
        let count = await task.value
        #expect(0 < count && count < 20, "of 42")
    }
}
