import Backends
import TensorEngine
import Testing
import XLSR

@Suite struct TranslationTests {
    @Test(arguments: TranslationFixture.names, GoldenDevices.all)
    func decoderScoresAreThoseOfTransformers(name: String, device: GoldenDevice) throws {
        let model = try TranslationFixture.model(name, on: device.backend)
        let tensors = try TranslationFixture.tensors()
        let prefix = "\(name).tokens."
        let indices = tensors.names.filter { $0.hasPrefix(prefix) }.compactMap { Int($0.dropFirst(prefix.count)) }
        #expect(indices.count >= 2)
        for index in indices {
            let tokens = try tensors.tensor(named: "\(prefix)\(index)").floats().map { Int($0) }
            let samples = try TranslationFixture.clip(index).samples
            let (states, logits) = try model.decoderLogits(of: samples, tokens: tokens)
            let stepwise = try model.decoderLogits(of: samples, tokens: tokens, stepwise: true).logits
            let expected = try tensors.tensor(named: "\(name).logits.\(index)").floats()
            let expectedStates = try tensors.tensor(named: "\(name).states.\(index)").floats()
            #expect(try largestDifference(states.floats(), expectedStates) <= 1e-4 * largest(expectedStates))
            #expect(largestDifference(logits, expected) <= 1e-4 * largest(expected), "\(device)")
            #expect(largestDifference(stepwise, logits) <= 1e-5 * largest(expected), "cached and uncached, \(device)")
        }
    }

    @Test(arguments: ["reference", "simd", "openblas", "opencl"])
    func tokensAreThoseOfTransformers(deviceName: String) throws {
        guard let device = GoldenDevices.all.first(where: { $0.description == deviceName }) else { return }
        #expect(TranslationFixture.cases.count > 200)
        for name in TranslationFixture.names {
            let model = try TranslationFixture.model(name, on: device.backend)
            let defaults = try model.generationSettings()
            let groups = Dictionary(grouping: TranslationFixture.cases.filter { $0.model == name }, by: \.settings)
            for (arguments, cases) in groups {
                let settings = arguments.applied(to: defaults)
                // All inputs in one batch; what transformers gave is that of single runs.
                let inputs = Set(cases.map(\.input)).sorted()
                let translations = try model.translate(inputs.map(TranslationFixture.clip), settings: settings)
                for testCase in cases {
                    let place = try #require(inputs.firstIndex(of: testCase.input))
                    let hypothesis = translations[place].segments[0].hypotheses[testCase.rank]
                    #expect(
                        hypothesis.tokenIDs == testCase.ids,
                        "\(name) on \(device), input \(testCase.input), \(arguments)")
                    guard let score = testCase.score else { continue }
                    #expect((hypothesis.score - score).magnitude <= 1e-4 * max(1, score.magnitude))
                }
            }
        }
    }

    @Test func aBatchIsItsSingleRuns() throws {
        let device = try #require(GoldenDevices.all.first { $0.description == "simd" })
        for name in TranslationFixture.names {
            let model = try TranslationFixture.model(name, on: device.backend)
            let clips = try (0..<6).map(TranslationFixture.clip)
            let batch = try model.translate(clips)
            let singles = try clips.map { try model.translate([$0])[0] }
            #expect(
                batch.map { $0.segments[0].hypotheses[0].tokenIDs }
                    == singles.map { $0.segments[0].hypotheses[0].tokenIDs })
            #expect(batch.map(\.text) == singles.map(\.text))
            #expect(Set(singles.map(\.text)).count > 1)
        }
    }

    @Test func aStepTakesAsManyProductsForManyHypothesesAsForOne() throws {
        let backend = try BackendRegistry.open(.simd)
        let model = try TranslationFixture.model("plain", on: backend)
        func products(beams: Int, count: Int) throws -> Int {
            var settings = try model.generationSettings()
            (settings.beamCount, settings.minLength, settings.maxLength) = (beams, 12, 12)
            let clips = try (0..<count).map(TranslationFixture.clip)
            backend.counters.reset()
            _ = try model.translate(clips, settings: settings)
            return backend.counters[.products]
        }
        let one = try products(beams: 1, count: 1)
        #expect(one > 0)
        #expect(try products(beams: 5, count: 1) == one)
        #expect(try products(beams: 5, count: 4) == one)
    }

    @Test func theTargetLanguageIsTheFirstToken() throws {
        let model = try TranslationFixture.model("plain", on: try BackendRegistry.open(.simd))
        let clip = try TranslationFixture.clip(0)
        for code in ["fr", "fr_XX", "FR-xx", "fra", "fre"] {
            let translation = try model.translate(clip.samples, sampleRate: clip.sampleRate, to: code, beamCount: 2)
            #expect(translation.language == "fr_XX")
            #expect(translation.segments[0].hypotheses[0].tokenIDs[1] == 56)
        }
        // Welsh and Catalan have no token of their own.
        #expect(try model.generationSettings(to: "cy").forcedFirstTokenID == 59)
        let error = #expect(throws: UsageError.self) { try model.generationSettings(to: "klingon") }
        #expect(error?.description.contains("de_DE, en_XX, fr_XX") == true)
    }

    @Test func progressIsABeginningOfTheResult() throws {
        let model = try TranslationFixture.model("plain", on: try BackendRegistry.open(.simd))
        let clip = try TranslationFixture.clip(1)
        for beams in [1, 5] {
            var settings = try model.generationSettings()
            settings.beamCount = beams
            let log = Log<String>()
            var texts: [String] = []
            let run = ChunkedRun(
                model, .translation, batchSeconds: 30,
                compute: { [settings] in try $0.translations(of: $1, settings) { log.append($1) } }
            ) { texts = try $0.pieces.get().map(\.text) }
            try run.add(clip, index: 0)
            try run.finish()
            let (text, heard) = (try #require(texts.first), log.all)
            #expect(heard.last == text)
            #expect(heard.allSatisfy { text.hasPrefix($0) })
        }
    }

    @Test func longAudioIsTranslatedPieceByPiece() throws {
        let model = try TranslationFixture.model("plain", on: try BackendRegistry.open(.simd))
        let clip = AudioClip(
            samples: try (0..<3).flatMap { try TranslationFixture.clip($0).samples }, sampleRate: 16_000)
        let translation = try model.translate(
            [clip], chunking: Chunking(seconds: 0.04, strideSeconds: 0, wholeSeconds: 0.05))[0]
        #expect(translation.segments.count == Int((clip.seconds / 0.04).rounded(.up)))
        #expect(translation.segments.last?.end == clip.seconds)
        #expect(translation.text == translation.segments.map(\.text).filter { !$0.isEmpty }.joined(separator: " "))
    }
}
