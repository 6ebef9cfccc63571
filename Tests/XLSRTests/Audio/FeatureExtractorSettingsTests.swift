import TensorEngine
import Testing
import XLSR

@Suite struct FeatureExtractorSettingsTests {
    func settings(_ text: String) throws -> FeatureExtractorSettings {
        try FeatureExtractorSettings(json: JSON(parsing: text.utf8, path: "p.json"), path: "p.json")
    }

    @Test func fieldsOfTheFileAreHonoured() throws {
        let all = try settings(
            """
            {"do_normalize": false, "feature_extractor_type": "Wav2Vec2FeatureExtractor", "feature_size": 1,
             "padding_side": "right", "padding_value": -1.5, "return_attention_mask": true, "sampling_rate": 8000}
            """)
        #expect(!all.normalizes && all.sampleRate == 8000)
        #expect(try settings("{}") == FeatureExtractorSettings())
        let defaults = FeatureExtractorSettings()
        #expect(defaults.normalizes && defaults.sampleRate == 16_000)
    }

    @Test func invalidFieldsAreNamed() throws {
        let cases = [
            ("do_normalize", "\"yes\""), ("do_normalize", "1"), ("do_normalize", "null"),
            ("sampling_rate", "0"), ("sampling_rate", "-16000"), ("sampling_rate", "16000.5"),
            ("sampling_rate", "\"16000\""), ("sampling_rate", "1e300"), ("feature_size", "80"),
            ("padding_value", "1e300"), ("padding_value", "[]"), ("return_attention_mask", "0"),
            ("feature_extractor_type", "\"WhisperFeatureExtractor\""), ("feature_extractor_type", "3"),
        ]
        for (field, value) in cases {
            let error = try #require(throws: CheckpointError.self) { try settings("{\"\(field)\": \(value)}") }
            #expect(error.kind == .configuration)
            #expect(error.detail.hasPrefix(field), "\(error)")
        }
        #expect(throws: CheckpointError.self) { try settings("[]") }
    }

    @Test func theProcessorsSettingsComeFirst() throws {
        try withTemporaryFolder { folder in
            #expect(try FeatureExtractorSettings(CheckpointFiles(folder: folder)) == FeatureExtractorSettings())
            try write(#"{"sampling_rate": 8000}"#, to: folder + "/preprocessor_config.json")
            #expect(try FeatureExtractorSettings(CheckpointFiles(folder: folder)).sampleRate == 8000)
            try write(#"{"processor_class": "Wav2Vec2Processor"}"#, to: folder + "/processor_config.json")
            #expect(try FeatureExtractorSettings(CheckpointFiles(folder: folder)).sampleRate == 8000)
            try write(#"{"feature_extractor": {"sampling_rate": 22050}}"#, to: folder + "/processor_config.json")
            #expect(try FeatureExtractorSettings(CheckpointFiles(folder: folder)).sampleRate == 22_050)
            try write("{", to: folder + "/processor_config.json")
            #expect(throws: CheckpointError.self) { try FeatureExtractorSettings(CheckpointFiles(folder: folder)) }
        }
    }

    @Test func normalisationHasTheEpsilonInsideTheRoot() throws {
        let samples: [Float] = [0.001, -0.002, 0.003, 0.0005, 0]
        // numpy, float64: (x - x.mean()) / np.sqrt(x.var() + 1e-7)
        let expected: [Float] = [0.304_290_3, -1.521_451_5, 1.521_451_5, 0, -0.304_290_3]
        let values = try FeatureExtractorSettings().inputValues(of: samples)
        #expect(zip(values, expected).allSatisfy { abs($0 - $1) < 1e-6 }, "\(values)")
    }

    @Test func normalisedSpeechLikeSamplesHaveZeroMeanAndUnitVariance() throws {
        var random = RandomSource(seed: 3)
        let samples = (0..<50_001).map { _ in Float.random(in: -0.3...0.7, using: &random) }
        let values = try FeatureExtractorSettings().inputValues(of: samples).map { Double($0) }
        let mean = values.reduce(0, +) / Double(values.count)
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
        #expect(abs(mean) < 1e-6 && abs(variance - 1) < 1e-5)
    }

    @Test func aConstantNormalisesToZero() throws {
        let values = try FeatureExtractorSettings().inputValues(of: [Float](repeating: 0.1, count: 10_000))
        #expect(values.count == 10_000 && values.allSatisfy { abs($0) < 1e-6 })
        #expect(try FeatureExtractorSettings().inputValues(of: []).isEmpty)
        let loud = try FeatureExtractorSettings().inputValues(of: [3e38, -3e38])
        #expect(loud == [1, -1])
    }

    @Test func withoutNormalisationSamplesStayAndBadOnesAreStillFound() throws {
        var settings = FeatureExtractorSettings()
        settings.normalizes = false
        #expect(try settings.inputValues(of: [0.5, 2]) == [0.5, 2])
        let error = try #require(throws: AudioError.self) { try settings.inputValues(of: [0, .nan], source: "x") }
        #expect(error.kind == .notFinite && error.description.hasPrefix("x: sample 1 is not a number"))
    }
}
