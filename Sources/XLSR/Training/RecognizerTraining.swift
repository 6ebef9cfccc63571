import Backends
import TensorEngine

/// Teaches an encoder a language, or a way of speaking, by recordings and what is said in them.
///
/// What learns is a CTC head and either small adapters after the encoder's layers, or those layers themselves. Adapters
/// are those of Massively Multilingual Speech (Pratap et al. 2023), Hugging Face's `adapter_attn_dim`, after Houlsby et
/// al. 2019: a checkpoint that has some goes on from them, any other with stable layer norm begins with ones that pass on
/// what they get. The front-end and the positional convolution stay as they are. Adam goes down the CTC loss, frames are
/// hidden by SpecAugment as `config.json` has it, nothing else is left to chance: the same files give the same model on
/// the same device.
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
        /// Audio of one step, in seconds.
        public var batchSeconds = 30.0
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
    private let tape: GradientTape
    private let mask: TimeMask
    /// What takes a hidden frame's place, `[1, hidden]`.
    private let maskedRow: Tensor
    private let checkpoint: CheckpointTensors
    /// The checkpoint's, of the language that was asked for.
    private let ownAdapters: CheckpointTensors?
    /// How long audio may be: the scores of its attention are all kept at once.
    private static let longestSeconds = 60.0

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

    /// What a file is to training.
    private struct Clip {
        let path: String
        let text: String
        let tokens: [Int]
        let seconds: Double
        /// nil where all files together are too many to keep.
        let values: [Float]?
    }

    /// - Parameters:
    ///   - validation: other files, such as of other speakers, that decide which epoch's adapters are the best; by default
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
        var optimizer = Adam(sizes: weights.values.map(\.count))
        var (epochs, best): ([Epoch], TrainedWeights?) = ([], nil)
        var bestNumber = 0
        var stops = false
        for number in 1...max(1, options.epochCount) where !stops {
            var (loss, doneCount) = (0.0, 0)
            for batch in batches(learned.shuffled(using: &random)) {
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
        }
        return TrainedRecognizer(
            weights: best ?? weights, vocabulary: vocabulary, part: options.part, width: width, epochs: epochs,
            bestEpoch: bestNumber, fileCount: learned.count, heldCount: held.count)
    }

    /// 0 to 1 over the first tenth, then down to 0.
    private static func rise(_ share: Double) -> Double { max(0.01, min(share / 0.1, (1 - share) / 0.9)) }

    // MARK: Files

    private func read(
        _ items: [TranscribedFiles.Item], _ tokenizer: Wav2Vec2CTCTokenizer, _ report: (Event) -> Void
    ) throws -> [Clip?] {
        var keptCount = 0
        return try items.enumerated().map { index, item in
            try CancellationFlag.check()
            defer { report(.read(index + 1, of: items.count)) }
            do {
                let values = try values(of: item.path)
                let tokens = try tokenizer.encode(item.text)
                let frames = model.configuration.frameCount(samples: values.count)
                guard !tokens.isEmpty else { throw TextError(.empty, source: item.path, "its text is empty") }
                guard CTCLoss.frameCount(for: tokens) <= frames else {
                    throw TextError(
                        .tooLong, source: item.path,
                        "its text has \(tokens.count) tokens, but its audio \(frames) frames")
                }
                keptCount += values.count
                // 4 hours of 16 kHz.
                return Clip(
                    path: item.path, text: item.text, tokens: tokens,
                    seconds: Double(values.count) / Double(model.featureExtractor.sampleRate),
                    values: keptCount < 1 << 28 ? values : nil)
            } catch let error as CancellationError {
                throw error
            } catch {
                report(.failed(path: item.path, error: error))
                return nil
            }
        }
    }

    private func values(of path: String) throws -> [Float] {
        let rate = model.featureExtractor.sampleRate
        let clip = try AudioFile.read(path: path, sampleRate: rate).resampled(to: rate)
        try model.check(clip, minimumSampleCount: model.configuration.minimumSampleCount)
        guard clip.seconds <= Self.longestSeconds else {
            throw AudioError(
                .tooLong, source: path,
                "\(Int(clip.seconds)) s, but training takes \(Int(Self.longestSeconds)) s at a time",
                remedy: "cut it where nobody speaks")
        }
        return model.featureExtractor.scaling(of: clip.samples[...]).values(of: clip.samples[...])
    }

    /// - Parameter count: so many of the first files are to be learned from, where others are held out.
    private func split(
        _ clips: [Clip?], _ count: Int, holdsOut: Bool, _ random: inout RandomSource
    ) -> (learned: [Clip], held: [Clip]) {
        let learned = clips.prefix(count).compactMap(\.self)
        guard holdsOut else { return (learned, clips.dropFirst(count).compactMap(\.self)) }
        let order = learned.indices.shuffled(using: &random)
        let share = learned.count < 2 ? 0 : options.heldOutShare
        let heldCount = share > 0 ? min(200, learned.count - 1, max(1, Int(share * Double(learned.count)))) : 0
        return (
            order.dropFirst(heldCount).sorted().map { learned[$0] },
            order.prefix(heldCount).sorted().map { learned[$0] }
        )
    }

    /// In their order, each of so many seconds at most, or of one clip.
    private func batches(_ clips: [Clip]) -> [[Clip]] {
        var batches: [[Clip]] = []
        var seconds = Double.infinity
        for clip in clips {
            if seconds + clip.seconds > options.batchSeconds {
                batches.append([])
                seconds = 0
            }
            batches[batches.count - 1].append(clip)
            seconds += clip.seconds
        }
        return batches
    }

    // MARK: What learns

    private func startingWeights(
        _ configuration: Configuration, _ vocabulary: TrainingVocabulary, _ random: inout RandomSource
    ) throws -> TrainedWeights {
        var weights = TrainedWeights()
        let prefix = CheckpointNames.encoderPrefix + "."
        if options.part == .encoder {
            try weights.add(TrainedWeights.layers(configuration), prefix: prefix, of: checkpoint, &random)
        }
        if let width {
            let adapters = TrainedWeights.adapters(configuration, width: width)
            try weights.add(adapters, prefix: prefix, of: ownAdapters, &random)
        }
        let head = TrainedWeights.head(configuration, tokenCount: vocabulary.size)
        try weights.add(head, of: vocabulary.isKept ? ownAdapters ?? checkpoint : nil, &random)
        return weights
    }

    /// A model of weights on the device.
    private struct Blocks {
        let encoder: Wav2Vec2Encoder
        let head: CTCHead
        let parameters: [TrainedParameter]
    }

    private func blocks(_ weights: TrainedWeights, _ configuration: Configuration) throws -> Blocks {
        let reader = WeightReader(
            CheckpointTensors([weights], path: weights.path), on: tape, precision: model.precision)
        let prefix = CheckpointNames.encoderPrefix
        let scopes = (0..<configuration.layerCount).map { "encoder.layers.\($0)" }
        let head = try CTCHead(reader, configuration)
        var (encoder, parameters) = (model.encoder, head.parameters)
        if options.part == .encoder {
            let layers = try scopes.map { try EncoderLayer(reader.scope(prefix).scope($0), configuration) }
            let norm = try reader.scope(prefix).norm(
                "encoder.layer_norm", channels: configuration.hiddenSize, epsilon: configuration.layerNormEpsilon)
            encoder = encoder.replacing(layers, norm)
            parameters +=
                zip(layers, scopes).flatMap { layer, scope in
                    layer.parameters.map { $0.scoped("\(prefix).\(scope)") }
                } + norm.parameters("\(prefix).encoder.layer_norm")
        }
        if let width {
            let adapters = try scopes.map {
                try AttentionAdapter(reader.scope(prefix).scope($0), width: width, configuration)
            }
            encoder = encoder.adapted(by: adapters)
            parameters += zip(adapters, scopes).flatMap { adapter, scope in
                adapter.parameters.map { $0.scoped("\(prefix).\(scope).\(CheckpointNames.attentionAdapter)") }
            }
        }
        return Blocks(encoder: encoder, head: head, parameters: parameters)
    }

    // MARK: Steps

    private func projected(_ batch: [Clip]) throws -> (Tensor, Segments) {
        let values = try batch.map { InputValues(try $0.values ?? self.values(of: $0.path)) }
        return try model.encoder.projected(values, on: tape)
    }

    /// A step down the mean over a batch's clips of the loss a token, whose sum it returns.
    private func step(
        _ batch: [Clip], _ weights: inout TrainedWeights, _ optimizer: inout Adam, rate: Double,
        _ configuration: Configuration, _ vocabulary: TrainingVocabulary, _ random: inout RandomSource
    ) throws -> Double {
        let (frames, segments) = try projected(batch)
        let hidden = try mask.hiding(frames, segments, by: maskedRow, &random)
        let blocks = try blocks(weights, configuration)
        for parameter in blocks.parameters { tape.watch(parameter.tensor) }
        let logits = try blocks.head.logits(of: blocks.encoder.states(of: hidden, segments: segments))
        let values = try logits.floats()
        var (loss, gradient) = (0.0, [Float]())
        gradient.reserveCapacity(values.count)
        for (index, clip) in batch.enumerated() {
            let rows = segments[index]
            let ctc = CTCLoss(
                logits: values[rows.lowerBound * vocabulary.size..<rows.upperBound * vocabulary.size],
                vocabularySize: vocabulary.size, tokens: clip.tokens, blank: vocabulary.tokenizer.blankID)
            let share = 1 / Double(clip.tokens.count)
            loss += share * ctc.value
            let factor = Float(share / Double(batch.count))
            gradient += ctc.gradient.map { factor * $0 }
        }
        let found = try tape.gradients(of: logits, Tensor(gradient, shape: logits.shape, on: tape))
        try weights.update(blocks.parameters, found, by: &optimizer, rate: rate)
        // Other lengths take blocks of other sizes, which would pile up.
        let pool = tape.pool.statistics
        if pool.cachedByteCount > (pool.peakByteCount - pool.usedByteCount) * 2 { tape.pool.trim() }
        return loss
    }

    /// nil without clips.
    private func errors(
        of clips: [Clip], _ weights: TrainedWeights, _ configuration: Configuration, _ vocabulary: TrainingVocabulary
    ) throws -> (words: ErrorCounts?, characters: ErrorCounts?) {
        guard !clips.isEmpty else { return (nil, nil) }
        let blocks = try blocks(weights, configuration)
        var (words, characters) = (ErrorCounts(), ErrorCounts())
        for batch in batches(clips) {
            try CancellationFlag.check()
            let (frames, segments) = try projected(batch)
            let ids = try blocks.head.logits(of: blocks.encoder.states(of: frames, segments: segments)).argmax()
                .hostArray().floats()
            for (index, clip) in batch.enumerated() {
                let heard = vocabulary.tokenizer.decode(ids[segments[index]].map { Int($0) })
                words += WordAlignment(reference: clip.text, hypothesis: heard).counts
                characters += ErrorCounts(charactersOf: clip.text, hypothesis: heard)
            }
        }
        return (words, characters)
    }
}
