import TensorEngine
import XLSR

/// What `xlsr info` tells: of the configuration, of the weight files' headers and of the tokenizer.
struct ModelReport: Encodable {
    let model: String
    let architectures: [String]
    let tasks: [String]
    let parameters: Int
    let layers: Int
    let hiddenSize: Int
    let heads: Int
    let headSize: Int
    let intermediateSize: Int
    let layerNorm: String
    let frontEndNorm: String
    let frontEndChannels: [Int]
    let frontEndKernels: [Int]
    let frontEndStrides: [Int]
    let positionalKernel: Int
    let positionalGroups: Int
    let sampleRate: Int
    let hopSamples: Int
    let receptiveFieldSamples: Int
    /// What stands on top of the encoder; nil for a bare one.
    let head: String?
    /// What lowers the frame rate between the two.
    let adapter: String?
    /// Of a head that classifies.
    let labels: [String]?
    let vocabularySize: Int?
    let tokenizer: TokenizerReport?
    /// Why there is no tokenizer, where a head would need one.
    let tokenizerProblem: String?
    /// Languages that the checkpoint has adapters for; nil where it isn't made for adapters.
    let adapterLanguages: [String]?
    let decoder: DecoderReport?
    let weights: WeightsReport

    struct TokenizerReport: Encodable {
        let tokens: Int
        let blankID: Int
        let blank: String?
        let wordDelimiter: String?
        let unknown: String?
        let language: String?
    }

    /// - Throws: also for a language that the model doesn't have.
    init(_ source: ModelSource, language: String?) throws {
        let configuration = try XLSRModel.configuration(source.files)
        guard language == nil || configuration.hasCTCHead else {
            throw UsageError("--language: \(source.name) has no vocabulary of its own for each language")
        }
        let settings = try FeatureExtractorSettings(source.files)
        weights = try WeightsReport(CheckpointTensors(source.files), configuration.head)
        let tokenizer = Result {
            try Wav2Vec2CTCTokenizer(path: source.files.path, language: language) { try source.files.contents(of: $0) }
        }
        if language != nil { _ = try tokenizer.get() }
        self.tokenizer = configuration.hasCTCHead ? (try? tokenizer.get()).map(TokenizerReport.init) : nil
        if case .failure(let error) = tokenizer, configuration.hasCTCHead {
            tokenizerProblem = "\(error)"
        } else {
            tokenizerProblem = nil
        }
        adapterLanguages = LanguageAdapters(source.files, configuration)?.known
        model = source.name
        architectures = configuration.architectures
        decoder = try DecoderReport(source)
        let own =
            switch configuration.head {
            case .ctc: self.tokenizer == nil ? [] : ["transcribe"]
            case .sequenceClassifier: ["classify"]
            case .frameClassifier: ["frames"]
            case .xVector: ["embed"]
            case .none, .pretraining: configuration.translates ? ["translate"] : []
            }
        tasks = own + ["features"] + (configuration.head == .none ? [] : ["logits"])
        head = Self.head(configuration)
        adapter = configuration.adapter.map {
            "\(counted($0.layerCount, "convolution")) of width \($0.width), kernel \($0.kernel), stride \($0.stride)"
        }
        labels = configuration.labels.isEmpty ? nil : configuration.labels
        parameters = weights.parameterCount
        layers = configuration.layerCount
        hiddenSize = configuration.hiddenSize
        heads = configuration.headCount
        headSize = configuration.hiddenSize / configuration.headCount
        intermediateSize = configuration.intermediateSize
        layerNorm = configuration.usesStableLayerNorm ? "stable" : "post"
        frontEndNorm = configuration.frontEndNorm.rawValue
        frontEndChannels = configuration.convolutions.map(\.channels)
        frontEndKernels = configuration.convolutions.map(\.kernel)
        frontEndStrides = configuration.convolutions.map(\.stride)
        positionalKernel = configuration.positionalKernel
        positionalGroups = configuration.positionalGroups
        sampleRate = settings.sampleRate
        hopSamples = configuration.outputHop
        receptiveFieldSamples = configuration.receptiveField
        vocabularySize = configuration.hasCTCHead ? configuration.vocabularySize : nil
    }

    enum CodingKeys: String, CodingKey {
        case model, architectures, tasks, parameters, layers, heads, head, adapter, labels, tokenizer, decoder, weights
        case hiddenSize = "hidden_size"
        case headSize = "head_size"
        case intermediateSize = "intermediate_size"
        case layerNorm = "layer_norm"
        case frontEndNorm = "front_end_norm"
        case frontEndChannels = "front_end_channels"
        case frontEndKernels = "front_end_kernels"
        case frontEndStrides = "front_end_strides"
        case positionalKernel = "positional_kernel"
        case positionalGroups = "positional_groups"
        case sampleRate = "sample_rate"
        case hopSamples = "hop_samples"
        case receptiveFieldSamples = "receptive_field_samples"
        case vocabularySize = "vocabulary_size"
        case tokenizerProblem = "tokenizer_problem"
        case adapterLanguages = "adapter_languages"
    }
}

extension ModelReport.TokenizerReport {
    init(_ tokenizer: Wav2Vec2CTCTokenizer) {
        tokens = tokenizer.vocabularySize
        blankID = tokenizer.blankID
        blank = tokenizer.token(for: tokenizer.blankID)
        wordDelimiter = tokenizer.wordDelimiterID.flatMap(tokenizer.token)
        unknown = tokenizer.unknownID.flatMap(tokenizer.token)
        language = tokenizer.language
    }

    enum CodingKeys: String, CodingKey {
        case tokens, blank, unknown, language
        case blankID = "blank_id"
        case wordDelimiter = "word_delimiter"
    }
}
