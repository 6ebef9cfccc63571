import FoundationEssentials
import TensorEngine
import Testing
import XLSR

@Suite struct BeamTranscriptTests {
    private let model: XLSRModel

    init() throws { model = try XLSRModel.demo(device: .simd) }

    @Test func theBundledRecordingsAreHeardByBeamSearch() throws {
        let decoder = try model.beamSearchDecoder()
        for name in Demo.recordingNames {
            let clip = try Demo.recording(named: name)
            let greedy = try model.transcribe(clip.samples, sampleRate: clip.sampleRate)
            let beam = try model.transcribe(clip.samples, sampleRate: clip.sampleRate, decoder: .beamSearch(decoder))
            #expect(beam.text == greedy.text && beam.words.count == greedy.words.count)
            for (a, b) in zip(beam.words, greedy.words) {
                #expect(abs(a.start - b.start) < 0.09 && abs(a.end - b.end) < 0.09)
                #expect(abs(a.confidence - b.confidence) < 1e-6, "the likeliest path is the best path")
            }
            #expect(beam.alternatives.isEmpty)
        }
    }

    @Test func chunksAreJoinedBeforeTheSearch() throws {
        let samples = try Demo.recordingNames.flatMap { try Demo.recording(named: $0).samples }
        let decoder = try model.beamSearchDecoder()
        for chunking in [Chunking(seconds: 4), Chunking(seconds: 2.5, strideSeconds: 0.3)] {
            let logits = try model.logits(of: samples, sampleRate: 16_000, chunking: chunking).floats()
            let expected = Transcript(try decoder.decode(logits, .logits), secondsPerFrame: model.secondsPerFrame)
            let clip = AudioClip(samples: samples, sampleRate: 16_000)
            let all = try model.transcribe(
                [clip, clip], chunking: chunking, batchSeconds: 7, decoder: .beamSearch(decoder))
            #expect(all == [expected, expected])
        }
        let whole = try model.transcribe(samples, sampleRate: 16_000, decoder: .beamSearch(decoder))
        let cut = try model.transcribe(
            samples, sampleRate: 16_000, chunking: Chunking(seconds: 1, strideSeconds: 0), decoder: .beamSearch(decoder)
        )
        let (last, expected) = (try #require(cut.words.last), try #require(whole.words.last))
        #expect(abs(last.start - expected.start) < 0.1, "29 chunks without strides would shift it by 0.58 s")
    }

    @Test func alternativesComeBestFirstWithTheirScores() throws {
        let fusion = try ShallowFusion.load(BeamGolden.path("demo.arpa"))
        var options = BeamSearchOptions()
        options.alternativeCount = 3
        let clip = try Demo.recording(named: Demo.recordingNames[0])
        let decoder = try model.beamSearchDecoder(fusion: fusion, options: options)
        let transcript = try model.transcribe(
            clip.samples, sampleRate: clip.sampleRate, decoder: .beamSearch(decoder))
        #expect((1...3).contains(transcript.alternatives.count))
        #expect(transcript.alternatives.first?.text == transcript.text)
        #expect(transcript.alternatives.allSatisfy { abs($0.acousticScore + $0.languageScore - $0.totalScore) < 1e-9 })
    }

    @Test func aDecoderOfAnotherAlphabetIsRefused() throws {
        let decoder = try BeamSearchDecoder(alphabet: BeamAlphabet(vocabulary: ["<pad>", "a"]))
        let clip = try Demo.recording(named: Demo.recordingNames[0])
        #expect(throws: UsageError.self) { try model.transcribe([clip], decoder: .beamSearch(decoder)) }
    }

    /// A folder as Hugging Face repositories with a language model have it.
    private func withModelFolder(
        alphabet: String, _ body: (XLSRModel) throws -> Void
    ) throws {
        try withTemporaryFolder { folder in
            for (name, memory) in Demo.memories() {
                try write(memory.withUnsafeBytes { Array($0) }, to: folder + "/" + name)
            }
            try write(alphabet, to: folder + "/alphabet.json")
            let language = folder + "/language_model"
            try FileManager.default.createDirectory(atPath: language, withIntermediateDirectories: false)
            try write(
                #"{"alpha": 0.4, "beta": 1.0, "unk_score_offset": -10.0, "score_boundary": true}"#,
                to: language + "/attrs.json")
            try write("one\ntwo\n", to: language + "/unigrams.txt")
            try FileManager.default.copyItem(
                atPath: BeamGolden.path("demo.probing.bin"), toPath: language + "/2gram.bin")
            try body(XLSRModel.load(folder, device: .simd))
        }
    }

    @Test func aFolderBringsItsAlphabetAndLanguageModel() throws {
        let labels = try model.beamSearchDecoder().alphabet.labels.map { $0 == "a" ? "A" : $0 }
        let json = String(decoding: try JSONEncoder().encode(labels), as: UTF8.self)
        try withModelFolder(alphabet: #"{"labels": \#(json), "is_bpe": false}"#) { model in
            let decoder = try model.beamSearchDecoder()
            #expect(decoder.alphabet.labels == labels)
            #expect(decoder.fusion?.weights.languageWeight == 0.4)
            #expect(try model.beamSearchDecoder(usesOwnLanguageModel: false).fusion == nil)
        }
        for bad in [
            #"{"labels": ["", "a"], "is_bpe": false}"#, #"{"labels": ["a"]}"#, #"{"labels": [1], "is_bpe": true}"#,
        ] {
            try withModelFolder(alphabet: bad) { model in
                #expect(throws: CheckpointError.self) { try model.beamSearchDecoder() }
            }
        }
    }
}
