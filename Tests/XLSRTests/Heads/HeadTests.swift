import Backends
import TensorEngine
import Testing
import XLSR

@Suite struct HeadTests {
    private let backend: any Backend

    init() throws {
        backend = try BackendRegistry.open(.simd)
    }

    private func model(_ variant: String) throws -> (Golden, XLSRModel) {
        let golden = try Golden(variant)
        return (golden, try golden.model(on: backend))
    }

    @Test func labelsComeLikeliestFirstWithTheirProbabilities() throws {
        let (golden, model) = try model("classifier")
        let clip = try golden.clip(2, model)
        let logits = try golden.tensors.tensor(named: "logits.2").floats()
        let all = try model.classify(clip.samples, sampleRate: 16_000, count: 100)
        #expect(all.count == 7 && abs(all.reduce(0) { $0 + $1.score } - 1) < 1e-9)
        #expect(all.map(\.index) == logits.indices.sorted { logits[$0] > logits[$1] })
        #expect(all.map(\.label) == all.map { model.configuration.labels[$0.index] })
        #expect(
            try model.classify([clip, clip], count: 2).map { $0.map(\.label) }
                == [all, all].map { $0.prefix(2).map(\.label) })
        #expect(try model.classify(clip.samples, sampleRate: 16_000, count: 0).isEmpty)
    }

    @Test func labelsThatDoNotExcludeEachOtherHaveProbabilitiesOfTheirOwn() throws {
        let (golden, model) = try model("classifier-sum")
        let logits = try golden.tensors.tensor(named: "logits.1").floats()
        for score in try model.classify(golden.clip(1, model).samples, sampleRate: 16_000) {
            let logit = Double(logits[score.index])
            #expect(abs(score.score / (1 - score.score) / exp(logit) - 1) < 1e-2)
        }
    }

    private func exp(_ x: Double) -> Double { (1...60).reversed().reduce(1) { 1 + x / Double($1) * $0 } }

    @Test func aHeadGivesOnlyWhatItIsFor() throws {
        let (golden, classifier) = try model("classifier")
        let samples = try golden.clip(1, classifier).samples
        let (_, bare) = try model("headless")
        for call in [
            { _ = try classifier.frameScores(samples, sampleRate: 16_000) },
            { _ = try classifier.embedding(of: samples, sampleRate: 16_000) },
            { _ = try classifier.pretrainingStates(of: samples, sampleRate: 16_000) },
            { _ = try classifier.transcribe(samples, sampleRate: 16_000) },
            { _ = try bare.classify(samples, sampleRate: 16_000) },
            { _ = try bare.logits(of: samples, sampleRate: 16_000) },
        ] {
            let error = try #require(throws: CheckpointError.self) { try call() }
            #expect(error.kind == .configuration && error.description.contains("Wav2Vec2"), "\(error)")
        }
    }

    @Test func segmentsAreRunsOfFramesAboveTheThreshold() {
        let logits: [Float] = [3, -1, 2, 1, -4, 0, 5, 5]  // four frames of two labels
        let scores = FrameScores(labels: ["a", "b"], secondsPerFrame: 0.5, logits: logits)
        let segments = scores.segments()
        #expect(segments.map(\.label) == ["a", "b", "a", "b"])
        #expect(segments.map(\.start) == [0, 0.5, 1.5, 1.5] && segments.map(\.end) == [1, 1, 2, 2])
        let mean = (scores.probability(frame: 0, label: 0) + scores.probability(frame: 1, label: 0)) / 2
        #expect(segments[0].confidence == mean && mean > 0.9)
        #expect(scores.segments(threshold: 0).map(\.end) == [2, 2] && scores.segments(threshold: 1).isEmpty)
        #expect(
            rttmDocument(of: Array(segments.prefix(2)), audio: "dir/my talk.wav", audioSeconds: 0.9)
                == """
                SPEAKER my_talk 1 0.000 0.900 <NA> <NA> a <NA> <NA>
                SPEAKER my_talk 1 0.500 0.400 <NA> <NA> b <NA> <NA>

                """)
    }

    @Test func cosinesAreThoseOfTheVectorsDirections() throws {
        let (golden, model) = try model("xvector")
        let clips = try [1, 2, 1].map { try golden.clip($0, model) }
        let embeddings = try model.embeddings(of: clips)
        #expect(embeddings[0].values.count == 15)
        #expect(abs(embeddings[0].cosine(with: embeddings[2]) - 1) < 1e-6)
        let cosine = embeddings[0].cosine(with: embeddings[1])
        #expect(abs(cosine) < 0.9999 && cosine == embeddings[1].cosine(with: embeddings[0]))
    }

    @Test func anEmbeddingNeedsFramesForItsStatistics() throws {
        let (golden, model) = try model("xvector")
        let shortest = model.configuration.minimumHeadSampleCount
        let samples = try golden.clip(2, model).samples
        #expect(
            try model.embedding(of: Array(samples.prefix(shortest)), sampleRate: 16_000).values.allSatisfy {
                $0.isFinite
            })
        let error = try #require(throws: AudioError.self) {
            try model.embeddings(
                of: [AudioClip(samples: Array(samples.prefix(shortest - 1)), sampleRate: 16_000, source: "a.wav")])
        }
        #expect(error.kind == .tooShort && error.source == "a.wav" && error.detail.contains("needs \(shortest)"))
        #expect(
            try model.features(of: Array(samples.prefix(30)), sampleRate: 16_000).shape[0] == 1,
            "the encoder needs less")
    }

    @Test func framesOfAllChunksArePooledTogether() throws {
        let (golden, model) = try model("classifier")
        let samples = try golden.clip(2, model).samples
        // Without strides, so that each chunk counts as it would alone.
        let chunking = Chunking(seconds: 400.0 / 16_000, strideSeconds: 0)
        let chunked = try model.logits(of: samples, sampleRate: 16_000, chunking: chunking)
        var (sum, total) = ([Double](repeating: 0, count: 7), 0.0)
        for start in stride(from: 0, to: samples.count, by: 400) {
            let part = Array(samples[start..<min(start + 400, samples.count)])
            let frames = Double(model.configuration.frameCount(samples: part.count))
            let logits = try model.logits(of: part, sampleRate: 16_000).floats()
            sum = zip(sum, logits).map { $0 + frames * Double($1) }
            total += frames
        }
        #expect(chunked.shape == [7])
        #expect(try largestDifference(chunked.floats(), sum.map { Float($0 / total) }) < 1e-5)
    }

    @Test(arguments: ["xvector", "xvector-sum", "xvector-adapter", "quantizer", "frames"])
    func chunkedAudioGivesTheShapesOfTheWhole(variant: String) throws {
        let (golden, model) = try model(variant)
        let samples = try golden.clip(2, model).samples
        let whole = try model.headOutputs(of: samples, sampleRate: 16_000)
        let chunked = try model.headOutputs(
            of: samples, sampleRate: 16_000,
            chunking: Chunking(seconds: 640.0 / 16_000, strideSeconds: 160.0 / 16_000))
        #expect(chunked.mapValues(\.shape) == whole.mapValues(\.shape))
        for (name, array) in chunked { #expect(array.floats().allSatisfy { $0.isFinite }, "\(name)") }
    }

    @Test func codevectorsAreWholeNumbersAndTheirPerplexityCountsThem() throws {
        let (golden, model) = try model("quantizer")
        let samples = try golden.clip(2, model).samples
        let states = try model.pretrainingStates(of: samples, sampleRate: 16_000)
        let frames = model.configuration.frameCount(samples: samples.count)
        #expect(states.codevectorIDs.dtype == .int32 && states.codevectorIDs.shape == [frames, 3])
        #expect(states.codevectorIDs.floats().allSatisfy { 0..<7 ~= $0 && $0 == $0.rounded() })
        #expect(states.projectedStates.shape == [frames, 11])
        // One frame uses one codevector in each group.
        #expect(
            try model.pretrainingStates(of: golden.clip(0, model).samples, sampleRate: 16_000).codevectorPerplexity == 3
        )
        #expect(1...21 ~= states.codevectorPerplexity)
    }

    @Test func aPretrainingCheckpointWithoutItsHeadStillGivesFeatures() throws {
        let golden = try Golden("quantizer")
        let checkpoint = try CheckpointTensors(opening: golden.folder)
        try withTemporaryFolder { folder in
            let kept = checkpoint.names.filter { $0.hasPrefix("wav2vec2.") }
            try SafetensorsWriter.write(
                kept.map { (name: $0, array: try checkpoint.tensor(named: $0)) }, to: folder + "/model.safetensors")
            for name in ["config.json", "preprocessor_config.json"] {
                let bytes = try CheckpointFiles(folder: golden.folder).contents(of: name)
                try write(try #require(bytes), to: folder + "/" + name)
            }
            let model = try XLSRModel.load(folder, on: backend)
            let samples = try golden.clip(1, model).samples
            #expect(try model.features(of: samples, sampleRate: 16_000).shape.columns == 24)
            let error = try #require(throws: CheckpointError.self) {
                try model.pretrainingStates(of: samples, sampleRate: 16_000)
            }
            #expect(error.kind == .weights && error.detail.contains("quantizer.codevectors"))
        }
    }
}
