/// How utterances of a stream are written one after another: together they are one document.
public struct TranscriptStream: Sendable {
    private let format: TranscriptFormat
    private let timestamps: TimestampLevel
    private let rules: SubtitleRules
    private var cueCount = 0

    /// What the document begins with.
    public var header: String { format.header }

    /// - Parameters: as of `TranscriptFormat.document`.
    /// - Throws: `UsageError` for formats that need all of the audio first.
    public init(
        _ format: TranscriptFormat, timestamps: TimestampLevel = .word, rules: SubtitleRules = SubtitleRules()
    ) throws {
        guard ![.textgrid, .rttm].contains(format) else {
            throw UsageError("\(format.rawValue) can't be written while the audio comes")
        }
        (self.format, self.timestamps, self.rules) = (format, timestamps, rules)
    }

    /// What the next utterance adds to it.
    /// - Throws: what `JSONEncoder` throws, for JSON.
    public mutating func text(of utterance: TranscriptionResult) throws -> String {
        try format.body(of: utterance, timestamps: timestamps, rules: rules, cueCount: &cueCount)
    }
}
