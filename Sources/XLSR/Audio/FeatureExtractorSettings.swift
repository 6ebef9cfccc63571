/// Settings of Hugging Face's `Wav2Vec2FeatureExtractor`: how samples become a model's input values.
public struct FeatureExtractorSettings: Hashable, Sendable {
    /// `do_normalize`: zero mean and unit variance for each utterance.
    public var normalizes = true
    /// Added to the variance before its root: 1e-7 as Hugging Face does, 1e-5 as fairseq and torchaudio do.
    ///
    /// `normalization_epsilon` in the file, a field that Hugging Face doesn't have.
    public var normalizationEpsilon = 1e-7
    /// `sampling_rate` in Hz.
    public private(set) var sampleRate = 16_000

    /// The ε of PyTorch's `layer_norm`, which fairseq normalises the waveform with.
    public static let fairseqEpsilon = 1e-5

    public init() {}

    /// Reads the settings of a checkpoint: the object `feature_extractor` in processor_config.json, else
    /// preprocessor_config.json, else the defaults, in the order of Hugging Face.
    ///
    /// - Throws: `CheckpointError` for a file that can't be read, isn't JSON, or has an invalid field.
    package init(_ files: CheckpointFiles) throws {
        func json(_ name: String) throws -> JSON? {
            try files.contents(of: name).map { try JSON(parsing: $0, path: files.path(of: name)) }
        }
        if let settings = try json("processor_config.json")?["feature_extractor"] {
            try self.init(json: settings, path: files.path(of: "processor_config.json"))
        } else if let settings = try json("preprocessor_config.json") {
            try self.init(json: settings, path: files.path(of: "preprocessor_config.json"))
        } else {
            self.init()
        }
    }

    /// - Throws: `CheckpointError.configuration` naming the field that has a wrong type or value.
    package init(json: JSON, path: String) throws {
        guard json.object != nil else {
            throw CheckpointError(.configuration, path: path, "the feature extractor's settings are not an object")
        }
        func field<Value>(
            _ name: String, _ default: Value, _ read: (JSON) -> Value?, _ expected: String
        ) throws -> Value {
            guard let value = json[name] else { return `default` }
            if let value = read(value) { return value }
            throw CheckpointError(.configuration, path: path, "\(name) must be \(expected)")
        }
        let rates = AudioClip.sampleRates
        let type = "Wav2Vec2FeatureExtractor"
        _ = try field("feature_extractor_type", type, { $0.string == type ? type : nil }, type)
        _ = try field("feature_size", 1, { $0.int == 1 ? 1 : nil }, "1")
        normalizes = try field("do_normalize", true, \.bool, "true or false")
        sampleRate = try field(
            "sampling_rate", 16_000, { $0.int.flatMap { rates.contains($0) ? $0 : nil } },
            "an integer from \(rates.lowerBound) to \(rates.upperBound) (Hz)")
        // Ragged batches have no padding, and behave as if there were a mask.
        _ = try field(
            "padding_value", 0, { $0.double.map { Float($0) }.flatMap { $0.isFinite ? $0 : nil } }, "a finite number")
        normalizationEpsilon = try field(
            "normalization_epsilon", normalizationEpsilon,
            { $0.double.flatMap { (0...1).contains($0) ? $0 : nil } }, "a number from 0 to 1")
        _ = try field("return_attention_mask", false, \.bool, "true or false")
    }
}

extension FeatureExtractorSettings {
    /// A model's input values for the samples of one utterance at `sampleRate`: normalised if the settings say so.
    ///
    /// - Parameter source: the file as the user named it, for errors.
    /// - Throws: `AudioError.notFinite` naming the first sample that is NaN or infinite.
    public func inputValues(of samples: [Float], source: String = "samples") throws -> [Float] {
        try AudioClip.checkFinite(samples, source: source)
        return scaling(of: samples[...]).values(of: samples[...])
    }

    /// What makes input values of samples: zero mean and unit variance over `samples`, or nothing at all.
    func scaling(of samples: ArraySlice<Float>) -> SampleScaling {
        normalizes
            ? SampleScaling(standardizing: samples, epsilon: normalizationEpsilon) : SampleScaling(mean: 0, scale: 1)
    }
}

/// (x − mean) · scale, in Double. With the population variance it is Hugging Face's `zero_mean_unit_var_norm`.
struct SampleScaling: Sendable {
    let mean: Double
    let scale: Double

    init(mean: Double, scale: Double) {
        self.mean = mean
        self.scale = scale
    }

    init(standardizing samples: ArraySlice<Float>, epsilon: Double) {
        let count = Double(max(1, samples.count))
        let mean = samples.reduce(0.0) { $0 + Double($1) } / count
        let variance = samples.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / count
        self.init(mean: mean, scale: 1 / (variance + epsilon).squareRoot())
    }

    func values(of samples: ArraySlice<Float>) -> [Float] {
        mean == 0 && scale == 1 ? Array(samples) : samples.map { Float((Double($0) - mean) * scale) }
    }
}
