import Backends
import TensorEngine

/// Teaches an encoder a language, or a way of speaking, by recordings and what is said in them.
///
/// What learns is a CTC head and either small adapters after the encoder's layers, or those layers themselves. Adapters
/// are those of Massively Multilingual Speech (Pratap et al. 2023), Hugging Face's `adapter_attn_dim`, after Houlsby et
/// al. 2019: a checkpoint that has some goes on from them, any other with stable layer norm begins with ones that pass on
/// what they get. Front-end, feature projection and positional convolution stay as they are. Adam goes down the CTC loss,
/// frames are hidden by SpecAugment as `config.json` has it, nothing else is left to chance: the same files give the same
/// model on the same device.
public final class RecognizerTraining {
    /// What learns beside the CTC head.
    public enum Part: String, CaseIterable, Sendable {
        case adapters
        /// The encoder's layers, and adapters where the checkpoint has some.
        case encoder

        /// What serves where nothing else is asked for.
        public var learningRate: Double { self == .adapters ? 1e-3 : 1e-4 }
    }

    public struct Options: Sendable {
        public var part = Part.adapters
        /// How often each file is heard.
        public var epochCount = 20
        /// Of Adam, at its highest: it rises over the first tenth and falls to zero. nil: the part's own.
        public var learningRate: Double?
        /// Audio of one step, in seconds. nil: 30, or as much less as makes an epoch of twenty steps.
        public var batchSeconds: Double?
        /// The width of adapters where the checkpoint has none.
        public var width = 64
        /// The share of files that aren't learned from, where there are no others for validation; 0: none.
        public var heldOutShare = 0.1
        /// How texts are made alike.
        public var normalization = TranscriptPairs.Normalization()

        public init() {}
    }

    public enum Event: Sendable {
        /// So many of all files are read.
        case read(Int, of: Int)
        /// A file that can't be used. The others go on.
        case failed(path: String, error: any Error)
        /// So much of all is done, 0 to 1, and the loss of a step, a token.
        case step(share: Double, loss: Double)
        /// All files were heard once more.
        case epoch(Epoch)
        /// No epoch before that one was as good: what the result would be now.
        case best(TrainedRecognizer)
    }

    /// How far training was when all files had been heard once more.
    public struct Epoch: Hashable, Sendable {
        /// From 1.
        public let number: Int
        /// The mean over files of the loss a token.
        public let loss: Double
        /// Of the files held out; nil where there are none.
        public let words: ErrorCounts?
        public let characters: ErrorCounts?
    }

    package private(set) var model: XLSRModel
    let options: Options
    /// Of the adapters; nil without any.
    let width: Int?
    let tape: GradientTape
    let mask: TimeMask
    /// What takes a hidden frame's place, `[1, hidden]`.
    let maskedRow: Tensor
    let checkpoint: CheckpointTensors
    /// The checkpoint's, of the language that was asked for.
    let ownAdapters: CheckpointTensors?

    /// Loads the encoder.
    /// - Parameters:
    ///   - path: as `XLSRModel.load` takes it.
    ///   - language: of a checkpoint with several, whose adapters are gone on from; by default its own.
    /// - Throws: as `XLSRModel.load`, and `CheckpointError` for an encoder that adapters can't stand in.
    public convenience init(
        _ path: String, device: Device = .auto, precision: Precision = .float32,
        backendOptions: BackendOptions = BackendOptions(), language: String? = nil, options: Options = Options()
    ) throws {
        try self.init(
            ModelLocation.files(path), name: path,
            on: BackendRegistry.open(device, options: backendOptions.with(precision)),
            precision: precision, language: language, options: options)
    }

    package init(
        _ files: CheckpointFiles, name path: String, on backend: any Backend, precision: Precision = .float32,
        language: String? = nil, options: Options = Options()
    ) throws {
        tape = GradientTape(backend)
        model = try XLSRModel(files, name: path, on: tape, precision: precision, language: language)
        self.options = options
        let configuration = model.configuration
        guard configuration.adapter == nil, model.translator == nil else {
            throw CheckpointError(
                .configuration, path: path, "an encoder with a convolutional adapter can't be trained",
                remedy: "train on the one that it was made from, such as facebook/wav2vec2-xls-r-300m")
        }
        guard configuration.usesStableLayerNorm || options.part == .encoder else {
            throw CheckpointError(
                .configuration, path: path, "no adapters stand in an encoder with norms after its blocks",
                remedy: "train the encoder itself, or one such as facebook/wav2vec2-xls-r-300m")
        }
        guard language == nil || configuration.adapterWidth != nil else {
            throw CheckpointError(
                .configuration, path: path, "has no language adapters (no adapter_attn_dim in config.json)",
                remedy: "leave the language out")
        }
        width = configuration.adapterWidth ?? (options.part == .adapters ? options.width : nil)
        if options.part == .encoder { model.dropLayers() }
        ownAdapters = try model.adapterTensors(for: language)
        checkpoint = try CheckpointTensors(files)
        mask = try TimeMask(XLSRModel.configurationFields(files), path: files.path(of: "config.json"))
        let name = "masked_spec_embed"
        let weights = WeightReader(checkpoint, on: tape, precision: .float32).encoderScope
        maskedRow = try
            (weights.contains(name)
            ? weights.tensor(name, [configuration.hiddenSize])
            : Tensor.filled(0, shape: [configuration.hiddenSize], on: tape)).reshaped([1, configuration.hiddenSize])
    }

    /// Learns what is said in the files.
    /// - Parameters:
    ///   - validation: other files, such as of other speakers, that decide which epoch is the best; by default
    ///     some of these (`heldOutShare`), two hundred at most.
    ///   - report: hears what is done, on the calling thread.
    ///   - shouldStop: asked after each step; then the best so far is the result.
    /// - Throws: `UsageError` where no file can be used; `CancellationError`; `TensorError` of the device.
    public func trained(
        on files: TranscribedFiles, validation: TranscribedFiles? = nil, report: (Event) -> Void = { _ in },
        shouldStop: () -> Bool = { false }
    ) throws -> TrainedRecognizer {
        var random = RandomSource(seed: 1)
        let texts = (files.items + (validation?.items ?? [])).map {
            TranscribedFiles.Item(
                path: $0.path, text: TrainingVocabulary.normalized($0.text, options.normalization))
        }
        let vocabulary = try TrainingVocabulary(of: texts.prefix(files.items.count).map(\.text), model)
        var configuration = model.configuration
        configuration.vocabularySize = vocabulary.size
        let clips = try read(texts, vocabulary.tokenizer, report)
        let (learned, held) = split(clips, files.items.count, holdsOut: validation == nil, &random)
        guard !learned.isEmpty else { throw UsageError("no file could be used, so there is nothing to learn from") }
        guard validation == nil || !held.isEmpty else { throw UsageError("no file for validation could be used") }

        var weights = try startingWeights(configuration, vocabulary, &random)
        let rate = options.learningRate ?? options.part.learningRate
        let batchSeconds = options.batchSeconds ?? min(30, learned.reduce(0) { $0 + $1.seconds } / 20)
        var optimizer = Adam(sizes: weights.values.map(\.count))
        var (epochs, best): ([Epoch], TrainedWeights?) = ([], nil)
        var bestNumber = 0
        func bestSoFar() -> TrainedRecognizer {
            TrainedRecognizer(
                weights: best ?? weights, vocabulary: vocabulary, part: options.part, width: width, epochs: epochs,
                bestEpoch: bestNumber, fileCount: learned.count, heldCount: held.count)
        }
        var stops = false
        for number in 1...max(1, options.epochCount) where !stops {
            var (loss, doneCount) = (0.0, 0)
            for batch in Self.batches(learned.shuffled(using: &random), seconds: batchSeconds) {
                try CancellationFlag.check()
                let share =
                    (Double(number - 1) + Double(doneCount) / Double(learned.count)) / Double(options.epochCount)
                let batchLoss = try step(
                    batch, &weights, &optimizer, rate: rate * Self.rise(share), configuration, vocabulary, &random)
                loss += batchLoss
                doneCount += batch.count
                report(.step(share: share, loss: batchLoss / Double(batch.count)))
                stops = shouldStop()
                if stops { break }
            }
            let (words, characters) = try errors(of: held, weights, configuration, vocabulary)
            let epoch = Epoch(
                number: number, loss: loss / Double(max(1, doneCount)), words: words, characters: characters)
            epochs.append(epoch)
            report(.epoch(epoch))
            if let characters, let other = epochs.dropLast().compactMap(\.characters?.errors).min(),
                other < characters.errors
            {
                continue
            }
            // A copy, which is only made where a later epoch may be worse.
            (best, bestNumber) = (held.isEmpty ? nil : weights, number)
            report(.best(bestSoFar()))
        }
        return bestSoFar()
    }

    /// 0 to 1 over the first tenth, then down to 0.
    private static func rise(_ share: Double) -> Double { max(0.01, min(share / 0.1, (1 - share) / 0.9)) }
}
