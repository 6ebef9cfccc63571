import Backends
import TensorEngine

/// A wav2vec 2.0 checkpoint on a device: speech in, text, logits or features out.
///
/// ```swift
/// let model = try XLSRModel.load("path/or/owner/name", device: .simd)
/// let transcript = try model.transcribe(samples, sampleRate: 16_000)
/// ```
///
/// Weights are read once and never change, so one model may serve several threads.
public struct XLSRModel: Sendable {
    /// What a model computed for a batch: utterances one under the other, no padding.
    public struct Output: Sendable {
        /// The encoder's last hidden states `[frames of all, hidden]`.
        public let states: Tensor
        /// Which frames belong to which utterance.
        public let segments: Segments
        /// All outputs of the checkpoint's head under Hugging Face's names; empty without one.
        public let head: [Taps.Record]

        /// The head's scores: of CTC `[frames of all, vocabulary]`, of frame classification `[frames of all, labels]`,
        /// of sequence classification `[utterances, labels]`, of x-vectors `[utterances, width]`; nil without such a
        /// head.
        public var logits: Tensor? { head.first { $0.name == "logits" }?.tensor }
    }

    /// The folder or name that it was loaded from.
    public let name: String
    public private(set) var configuration: Configuration
    /// Set its `normalizationEpsilon` to normalise otherwise than the checkpoint asks.
    public var featureExtractor: FeatureExtractorSettings
    /// On several devices the first one's, which computes what is a single batch.
    public let backend: any Backend
    public let precision: Precision
    /// Hears of a device that failed while others go on with its work, on the thread of the call that it worked for.
    public var deviceFailed: (@Sendable (Device, any Error) -> Void)?

    /// The same model on the other devices.
    var replicas: [XLSRModel] = []
    /// Of callers that share batches.
    var sharedWorkers: BatchWorkers?
    private(set) var encoder: Wav2Vec2Encoder
    private(set) var head: ModelHead?
    let translator: Translator?
    private var tokenizerResult: Result<Wav2Vec2CTCTokenizer, any Error>
    /// Where adapters for other languages are, for a checkpoint that has some.
    private let languageAdapters: LanguageAdapters?
    /// Where the rest of the checkpoint is, such as its language model.
    let files: CheckpointFiles?

    /// Loads a model folder, `OWNER/NAME` from the Hugging Face cache, or a `.pt` file of fairseq, onto a device.
    /// - Parameter language: of a model with several; by default the checkpoint's own.
    /// - Throws: `CheckpointError` for a file that is missing, broken or of an unsupported kind, which it names;
    ///   `TensorError` for a device that isn't there or has too little memory.
    public static func load(
        _ path: String, device: Device = .auto, precision: Precision = .float32,
        options: BackendOptions = BackendOptions(), language: String? = nil
    ) throws -> XLSRModel {
        try load(
            path, on: BackendRegistry.open(device, options: options.with(precision)), precision: precision,
            language: language)
    }

    /// Loads a model onto a backend that is open already.
    public static func load(
        _ path: String, on backend: any Backend, precision: Precision = .float32, language: String? = nil
    ) throws -> XLSRModel {
        try XLSRModel(ModelLocation.files(path), name: path, on: backend, precision: precision, language: language)
    }

    package init(
        _ files: CheckpointFiles, name: String, on backend: any Backend, precision: Precision = .float32,
        language: String? = nil
    ) throws {
        try self.init(
            files, CheckpointTensors(files), name: name, on: backend, precision: precision, language: language)
    }

    init(
        _ files: CheckpointFiles, _ checkpoint: CheckpointTensors, name: String, on backend: any Backend,
        precision: Precision, language: String?
    ) throws {
        try self.init(
            checkpoint, name: name, configuration: Self.configuration(files),
            featureExtractor: FeatureExtractorSettings(files), tokenizer: Self.tokenizer(files, language: language),
            translation: TranslationConfiguration(files), on: backend, precision: precision, files: files,
            language: language)
    }

    private static func tokenizer(
        _ files: CheckpointFiles, language: String?
    ) -> Result<Wav2Vec2CTCTokenizer, any Error> {
        Result { try Wav2Vec2CTCTokenizer(path: files.path, language: language) { try files.contents(of: $0) } }
    }

    /// A model of weights and settings from anywhere.
    package init(
        _ checkpoint: CheckpointTensors, name: String, configuration: Configuration,
        featureExtractor: FeatureExtractorSettings, tokenizer: Result<Wav2Vec2CTCTokenizer, any Error>,
        translation: TranslationConfiguration? = nil, on backend: any Backend, precision: Precision = .float32,
        files: CheckpointFiles? = nil, language: String? = nil
    ) throws {
        guard !precision.usesTF32 || backend.usesTF32 else {
            throw TensorError(
                .unsupported, operation: "load", "the device was opened without TF32", device: backend.device,
                remedy: "open it with BackendOptions(usesTF32: true)")
        }
        self.name = name
        self.backend = backend
        self.precision = precision
        self.configuration = configuration
        self.featureExtractor = featureExtractor
        tokenizerResult = tokenizer
        self.files = files
        languageAdapters = files.flatMap { LanguageAdapters($0, configuration) }
        backend.compileAhead(headSize: configuration.hiddenSize / configuration.headCount, precision: precision)
        let weights = WeightReader(checkpoint, on: backend, precision: precision)
        let prefix = CheckpointNames.encoderPrefix(in: checkpoint.names, translates: translation != nil)
        let encoderWeights = prefix.map(weights.scope) ?? weights
        encoder = try Wav2Vec2Encoder(encoderWeights, configuration)
        translator = try translation.map {
            Translator(
                generator: try TextGenerator(weights, $0.decoder, speechWidth: configuration.outputSize),
                settings: $0.generation, tokenizer: $0.tokenizer)
        }
        let adapterFile = try language.flatMap { try languageAdapters?.weights(for: $0, configuration) }
        let hasAdapter = configuration.adapterWidth != nil
        head = hasAdapter && configuration.hasCTCHead ? nil : try ModelHead(weights, configuration)
        if let adapterFile {
            try adapt(byFile: adapterFile)
        } else if hasAdapter {
            try languageAdapters?.requireBuiltIn(encoderWeights, path: checkpoint.path)
            try adapt(by: weights, encoder: encoderWeights)
        }
        try weights.requireAllRead {
            CheckpointNames.isUnreadByDesign($0, configuration.head)
                || adapterFile != nil && CheckpointNames.isOfLanguage($0)
        }
        // What loading needed beside the weights themselves.
        backend.pool.trim()
        backend.pool.resetPeak()
    }

    /// Reads a checkpoint's `config.json`.
    package static func configuration(_ files: CheckpointFiles) throws -> Configuration {
        let (fields, path) = (try configurationFields(files), files.path(of: "config.json"))
        guard TranslationConfiguration.describes(fields) else { return try Configuration(fields: fields, path: path) }
        return try Configuration(
            fields: TranslationConfiguration.encoderFields(fields, path: path), path: "\(path): encoder")
    }

    /// The fields of a checkpoint's `config.json`, whatever they say.
    static func configurationFields(_ files: CheckpointFiles) throws -> [String: JSON] {
        let path = files.path(of: "config.json")
        guard let bytes = try files.contents(of: "config.json") else {
            throw CheckpointError(
                .missingFile, path: path, "no such file", remedy: "name the folder of a whole checkpoint")
        }
        guard let fields = try JSON(parsing: bytes, path: path).object else {
            throw CheckpointError(.configuration, path: path, "is not a JSON object")
        }
        return fields
    }

    /// - Throws: `CheckpointError` when the checkpoint has no vocabulary, or a broken one.
    public var tokenizer: Wav2Vec2CTCTokenizer {
        get throws { try tokenizerResult.get() }
    }

    /// Seconds from one frame of the last hidden states to the next: 0.02 for XLS-R.
    public var secondsPerFrame: Double { Double(configuration.outputHop) / Double(featureExtractor.sampleRate) }

    /// Throws unless every part that text needs is there.
    public func requireTranscription() throws {
        guard configuration.hasCTCHead else {
            throw CheckpointError(
                .configuration, path: name,
                "has no CTC head (\(configuration.architectures.joined(separator: ", "))), so it writes no text",
                remedy: "use --task features, or a fine-tuned checkpoint")
        }
        let tokenizer = try tokenizer
        guard tokenizer.blankID < configuration.vocabularySize else {
            throw CheckpointError(
                .tokenizer, path: name,
                "the blank is token \(tokenizer.blankID), but the head has \(configuration.vocabularySize) outputs",
                remedy: "vocab.json and config.json must come from the same checkpoint")
        }
    }

    /// Runs the model on a ragged batch; each utterance comes out as if it were alone.
    /// - Parameter clips: mono audio at any rates; resampled to the model's.
    /// - Throws: `AudioError` for samples that aren't finite or fewer than the head needs.
    public func outputs(of clips: [AudioClip], taps: Taps? = nil) throws -> Output {
        try output(of: clips.map(inputValues), taps: taps)
    }

    private func inputValues(of clip: AudioClip) throws -> InputValues {
        let clip = try clip.resampled(to: featureExtractor.sampleRate)
        try check(clip, minimumSampleCount: configuration.minimumHeadSampleCount)
        return InputValues(featureExtractor.scaling(of: clip.samples[...]).values(of: clip.samples[...]))
    }

    package var frontEnd: FeatureExtractor { encoder.featureExtractor }

    /// Runs the model on input values that are checked and normalised.
    func output(of utterances: [InputValues], runsHead: Bool = true, taps: Taps? = nil) throws -> Output {
        let head = runsHead ? head : nil
        let encoded = try encoder(utterances, on: backend, average: head?.layerAverage, taps: taps)
        return Output(
            states: encoded.states, segments: encoded.segments, head: try head?(encoded, taps: taps) ?? [])
    }

    /// - Throws: `AudioError` for a clip at the model's rate that is too short, or isn't finite.
    func check(_ clip: AudioClip, minimumSampleCount: Int) throws {
        let samples = clip.samples
        guard samples.count >= minimumSampleCount else {
            let milliseconds =
                (1000 * minimumSampleCount + featureExtractor.sampleRate - 1) / featureExtractor.sampleRate
            throw AudioError(
                .tooShort, source: clip.source,
                "\(samples.count) samples at \(featureExtractor.sampleRate) Hz, but the model needs \(minimumSampleCount)",
                remedy: "use at least \(milliseconds) ms of audio")
        }
        try AudioClip.checkFinite(samples, source: clip.source)
    }
}

extension BackendOptions {
    /// With what a precision asks of the device.
    func with(_ precision: Precision) -> BackendOptions {
        var options = self
        options.usesTF32 = usesTF32 || precision.usesTF32
        return options
    }
}

// MARK: - Languages

extension XLSRModel {
    /// The language of this model's vocabulary, where it is one of several.
    public var language: String? { (try? tokenizer)?.language }

    /// The languages that the checkpoint has adapters for, in alphabetical order; none without adapters.
    public var languages: [String] { languageAdapters?.known ?? [] }

    /// The same model for another language: it shares the encoder, and reads only the language's adapter and
    /// vocabulary.
    /// - Throws: `CheckpointError` for a checkpoint without language adapters, and for a language that it has none for,
    ///   which names near and known ones.
    public func adapted(to language: String) throws -> XLSRModel {
        guard let languageAdapters, let files else {
            throw CheckpointError(
                .configuration, path: name, "has no language adapters (no adapter_attn_dim in config.json)",
                remedy: "leave the language out, or use a checkpoint of Massively Multilingual Speech")
        }
        var model = self
        if let file = try languageAdapters.weights(for: language, configuration) {
            try model.adapt(byFile: file)
        } else {
            let weights = WeightReader(try CheckpointTensors(files), on: backend, precision: precision)
            try model.adapt(by: weights, encoder: weights.encoderScope)
        }
        model.tokenizerResult = Self.tokenizer(files, language: language)
        model.replicas = try replicas.map { try $0.adapted(to: language) }
        return model
    }

    /// Where the adapters of a language, by default the checkpoint's own, are stored; nil for a checkpoint without any.
    func adapterTensors(for language: String?) throws -> CheckpointTensors? {
        guard let languageAdapters, let files else { return nil }
        let file = try language.flatMap { try languageAdapters.weights(for: $0, configuration) }
        return try file ?? CheckpointTensors(files)
    }

    /// Gives up the memory of the encoder's layers, where others will take their place.
    mutating func dropLayers() {
        encoder = encoder.withoutLayers
        backend.pool.trim()
    }

    private mutating func adapt(byFile file: CheckpointTensors) throws {
        let weights = WeightReader(file, on: backend, precision: precision)
        try adapt(by: weights, encoder: weights.encoderScope)
        try weights.requireAllRead { CheckpointNames.isUnreadByDesign($0, configuration.head) }
    }

    /// Takes adapters and CTC head from `weights`, which are an adapter's or a whole checkpoint's.
    private mutating func adapt(by weights: WeightReader, encoder encoderWeights: WeightReader) throws {
        guard let width = configuration.adapterWidth else { return }
        let layers = try (0..<configuration.layerCount).map {
            try AttentionAdapter(encoderWeights.scope("encoder.layers.\($0)"), width: width, configuration)
        }
        encoder = encoder.adapted(by: layers)
        guard configuration.hasCTCHead else { return }
        if let rows = weights.shape(of: CheckpointNames.ctcHead + ".weight")?.dimensions.first {
            configuration.vocabularySize = max(1, rows)
        }
        head = try ModelHead(weights, configuration)
    }
}
