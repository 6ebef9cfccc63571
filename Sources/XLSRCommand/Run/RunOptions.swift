import Backends
import TensorEngine
import XLSR

extension Option {
    static let task = Option(
        "--task", choices: RunOptions.Task.self, "[auto: what the checkpoint's head or decoder is for, else features]")
    static let format = Option("--format", choices: RunOptions.Format.self, "[text, or safetensors for tensors]")
    static let output = Option("--output", value: "PATH", "a file; a folder when there are several inputs")
    static let timestamps = Option(
        "--timestamps", choices: TimestampLevel.self, "what json gives times for [word]; lrc: none or word [none]")
    static let beams = Option(
        "--beams", value: "N", "hypotheses that a translation holds at a time; 1 is the fastest [the checkpoint's]")
    static let layer = Option(
        "--layer", value: "N|all", "with --task features: hidden state N, 0 the first layer's input")
    static let topK = Option("--top-k", value: "N", "with --task classify: how many labels [5]")
    static let threshold = Option(
        "--threshold", value: "P", "with --task frames: the probability above which a label is active [0.5]")
    static let batchSeconds = Option(
        "--batch-seconds", value: "S", "seconds of audio to compute together; more is faster and takes more memory [30]"
    )
    static let chunkSeconds = Option(
        "--chunk-seconds", value: "S", "cut audio into chunks of S seconds; 0: never [30, of audio above 60 s]")
    static let strideSeconds = Option(
        "--stride-seconds", value: "S", "how much of a chunk its neighbour on each side also hears [a sixth]")
    static let split = Option(
        "--split", choices: Chunking.Split.self, "cut long audio into equal chunks, or in silences [fixed]")
    static let lineLength = Option("--line-length", value: "N", "the most characters of a subtitle's line [42]")
    static let cueLines = Option("--cue-lines", value: "N", "the most lines of a subtitle [2]")
    static let cueSeconds = Option("--cue-seconds", value: "S", "the longest that a subtitle stands [7]")
    static let readingSpeed = Option(
        "--reading-speed", value: "N",
        "keep a subtitle until N characters a second can be read, if nothing else is said [17]")

    /// What `SubtitleRules` are made of.
    static let subtitles = [lineLength, cueLines, cueSeconds, readingSpeed]
}

/// What `xlsr run` was asked for.
struct RunOptions: Sendable {
    enum Task: String, CaseIterable {
        case auto, transcribe, translate, classify, frames, embed, features, logits
    }

    enum Format: String, CaseIterable {
        case text, json, srt, vtt, lrc, tsv, csv, ctm, textgrid, rttm, safetensors
    }

    enum Layer: Equatable {
        case index(Int), all
    }

    let inputs: [String]
    /// What is said in the inputs, or files that hold it; nil where that is to be found out.
    let texts: [String]?
    let model: ModelSource
    let devices: [Device]
    let backendOptions: BackendOptions
    let precision: Precision
    let task: Task
    let format: Format?
    let output: String?
    let timestamps: TimestampLevel?
    let languages: LanguageOptions
    let normalization: NormalizationChoice?
    let beamCount: Int?
    let layer: Layer?
    let topK: Int?
    let threshold: Double?
    let batchSeconds: Double
    let chunking: Chunking
    let givesStride: Bool
    let subtitles: SubtitleRules
    /// A given option that only subtitles need.
    let subtitleOption: Option?
    let decoder: DecoderOptions
    let live: LiveOptions?
    let verbosity: Verbosity

    private static let beamLimit = 1000

    /// - Parameters:
    ///   - isAlignment: whether each input is followed by its text.
    ///   - model: by default what the arguments name.
    init(_ arguments: Arguments, isAlignment: Bool = false, model: ModelSource? = nil) throws {
        let operands = arguments.operands
        guard operands.count(where: { $0 == "-" }) <= 1 else { throw UsageError("- can be read only once") }
        if isAlignment {
            guard !operands.isEmpty, operands.count.isMultiple(of: 2) else {
                let last = operands.last.map { ", but \(singleQuoted($0)) has none" } ?? ""
                throw UsageError("align needs pairs: each AUDIO with its TEXT\(last)")
            }
            inputs = stride(from: 0, to: operands.count, by: 2).map { operands[$0] }
            texts = stride(from: 1, to: operands.count, by: 2).map { operands[$0] }
        } else {
            (inputs, texts) = (arguments.has(.live) && operands.isEmpty ? ["-"] : operands, nil)
        }
        live = try LiveOptions(arguments)
        task = try arguments.choice(.task, Task.self) ?? .auto
        format =
            isAlignment
            ? try arguments.choice(.alignmentFormat, TranscriptFormat.self).flatMap { Format(rawValue: $0.rawValue) }
            : try arguments.choice(.format, Format.self)
        output = arguments[.output]
        timestamps = try arguments.choice(.timestamps, TimestampLevel.self)
        languages = try LanguageOptions(arguments, isAlignment: isAlignment)
        normalization = try arguments.choice(.normalize, NormalizationChoice.self)
        beamCount = try arguments.integer(.beams, in: 1...Self.beamLimit)
        layer = try arguments[.layer].map { text in
            if text == "all" { return .all }
            guard let index = Int(text), index >= 0 else {
                throw UsageError("--layer: \(singleQuoted(text)) is neither a layer number from 0 nor all")
            }
            return .index(index)
        }
        topK = try arguments.integer(.topK, in: 1...1_000_000)
        threshold = try arguments.number(.threshold, in: 0...1)
        batchSeconds = try arguments.number(.batchSeconds, in: 0.1...1_000_000) ?? 30
        chunking = try Self.chunking(arguments, normalization)
        givesStride = arguments.has(.strideSeconds)
        subtitles = try Self.subtitles(arguments)
        subtitleOption = Option.subtitles.first { arguments.has($0) }
        decoder = try DecoderOptions(arguments)
        verbosity = try arguments.verbosity()
        devices = try arguments.devices()
        backendOptions = try arguments.backendOptions()
        precision = try arguments.precision()
        self.model = try model ?? arguments.modelSource()
    }

    private static func chunking(_ arguments: Arguments, _ normalization: NormalizationChoice?) throws -> Chunking {
        let seconds = try arguments.number(.chunkSeconds, in: 0...1_000_000)
        let strideSeconds = try arguments.number(.strideSeconds, in: 0...1_000_000)
        for option in [Option.strideSeconds, .split] where seconds == 0 && arguments.has(option) {
            throw UsageError("\(option.name) needs chunks, but with --chunk-seconds 0 there are none")
        }
        let (automatic, none) = (Chunking.automatic, Chunking.none)
        return Chunking(
            seconds: seconds ?? automatic.seconds, strideSeconds: strideSeconds,
            wholeSeconds: seconds == 0 ? none.wholeSeconds : seconds == nil ? automatic.wholeSeconds : 0,
            normalization: normalization?.chunking ?? automatic.normalization,
            split: try arguments.choice(.split, Chunking.Split.self) ?? automatic.split)
    }

    private static func subtitles(_ arguments: Arguments) throws -> SubtitleRules {
        var rules = SubtitleRules()
        rules.lineLength = try arguments.integer(.lineLength, in: 1...1000) ?? rules.lineLength
        rules.lineCount = try arguments.integer(.cueLines, in: 1...100) ?? rules.lineCount
        rules.cueSeconds = try arguments.number(.cueSeconds, in: 0.1...1_000_000) ?? rules.cueSeconds
        rules.charactersPerSecond = try arguments.number(.readingSpeed, in: 1...1000) ?? rules.charactersPerSecond
        return rules
    }
}
