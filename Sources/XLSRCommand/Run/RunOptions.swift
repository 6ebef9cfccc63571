import Backends
import TensorEngine
import XLSR

extension Option {
    static let task = Option(
        "--task", choices: RunOptions.Task.self, "[auto: transcribe with a CTC head, else features]")
    static let format = Option("--format", choices: RunOptions.Format.self, "[text, or safetensors for tensors]")
    static let output = Option("--output", value: "PATH", "a file; a folder when there are several inputs")
    static let timestamps = Option("--timestamps", choices: TimestampLevel.self, "what json gives times for [word]")
    static let language = Option("--language", value: "CODE", "for a model with a vocabulary for each language")
    static let layer = Option(
        "--layer", value: "N|all", "with --task features: hidden state N, 0 the first layer's input")
    static let batchSeconds = Option(
        "--batch-seconds", value: "S", "seconds of audio to compute together; more is faster and takes more memory [30]"
    )
    static let chunkSeconds = Option(
        "--chunk-seconds", value: "S", "cut audio into chunks of S seconds; 0: never [30, of audio above 60 s]")
    static let strideSeconds = Option(
        "--stride-seconds", value: "S", "how much of a chunk its neighbour on each side also hears [a sixth]")
    static let normalize = Option(
        "--normalize", choices: Chunking.Normalization.self, "over each chunk, or once over the file [utterance]")
}

/// What `xlsr run` was asked for.
struct RunOptions: Sendable {
    enum Task: String, CaseIterable {
        case auto, transcribe, features, logits
    }

    enum Format: String, CaseIterable {
        case text, json, srt, vtt, tsv, safetensors
    }

    enum Layer: Equatable {
        case index(Int), all
    }

    let inputs: [String]
    let model: ModelSource
    let device: Device
    let backendOptions: BackendOptions
    let precision: Precision
    let task: Task
    let format: Format?
    let output: String?
    let timestamps: TimestampLevel?
    let language: String?
    let layer: Layer?
    let batchSeconds: Double
    let chunking: Chunking
    let decoder: DecoderOptions
    let verbosity: Verbosity

    init(_ arguments: Arguments) throws {
        inputs = arguments.operands
        guard inputs.count(where: { $0 == "-" }) <= 1 else { throw UsageError("- can be read only once") }
        task = try arguments.choice(.task, Task.self) ?? .auto
        format = try arguments.choice(.format, Format.self)
        output = arguments[.output]
        timestamps = try arguments.choice(.timestamps, TimestampLevel.self)
        language = arguments[.language]
        layer = try arguments[.layer].map { text in
            if text == "all" { return .all }
            guard let index = Int(text), index >= 0 else {
                throw UsageError("--layer: \(singleQuoted(text)) is neither a layer number from 0 nor all")
            }
            return .index(index)
        }
        batchSeconds = try arguments.number(.batchSeconds, in: 0.1...1_000_000) ?? 30
        chunking = try Self.chunking(arguments)
        decoder = try DecoderOptions(arguments)
        verbosity = try arguments.verbosity()
        device = try arguments.device()
        backendOptions = try arguments.backendOptions()
        precision = try arguments.precision()
        model = try arguments.modelSource()
    }

    private static func chunking(_ arguments: Arguments) throws -> Chunking {
        let seconds = try arguments.number(.chunkSeconds, in: 0...1_000_000)
        let strideSeconds = try arguments.number(.strideSeconds, in: 0...1_000_000)
        guard seconds != 0 || strideSeconds == nil else {
            throw UsageError("--stride-seconds needs chunks, but with --chunk-seconds 0 there are none")
        }
        let (automatic, none) = (Chunking.automatic, Chunking.none)
        return Chunking(
            seconds: seconds ?? automatic.seconds, strideSeconds: strideSeconds,
            wholeSeconds: seconds == 0 ? none.wholeSeconds : seconds == nil ? automatic.wholeSeconds : 0,
            normalization: try arguments.choice(.normalize, Chunking.Normalization.self) ?? automatic.normalization)
    }
}
