/// How finely JSON resolves a transcript in time.
public enum TimestampLevel: String, CaseIterable, Sendable {
    case none, word, char
}

/// A form in which a transcript is written. To add one: a case, and a function from a result to text.
public enum TranscriptFormat: String, CaseIterable, Sendable {
    case text, json, srt, vtt, tsv

    /// The usual extension of such files, without the dot.
    public var fileExtension: String { self == .text ? "txt" : rawValue }

    /// Whether results of several inputs may follow each other in one file or stream (see `record(of:timestamps:)`).
    public var holdsSeveralResults: Bool { self == .text || self == .json }

    /// The whole file or stream of a single result, with the newline at its end.
    ///
    /// `timestamps` matters to JSON only: subtitles have the times of their cues, text has none.
    /// - Throws: what `JSONEncoder` throws, for JSON.
    public func document(of result: TranscriptionResult, timestamps: TimestampLevel = .word) throws -> String {
        switch self {
        case .text: result.transcript.text + "\n"
        case .json: try jsonLine(of: result, timestamps: timestamps)
        case .srt: srtDocument(of: result)
        case .vtt: vttDocument(of: result)
        case .tsv: tsvDocument(of: result)
        }
    }

    /// One result of several in the same stream: a line `audio<TAB>text`, or a JSON object on a line (JSON Lines).
    ///
    /// - Throws: `UsageError` for a format that holds one result only.
    public func record(of result: TranscriptionResult, timestamps: TimestampLevel = .word) throws -> String {
        switch self {
        case .text: "\(singleLine(result.audio))\t\(singleLine(result.transcript.text))\n"
        case .json: try jsonLine(of: result, timestamps: timestamps)
        case .srt, .vtt, .tsv:
            throw UsageError("\(rawValue) holds one audio a file; name a folder with --output for several inputs")
        }
    }
}

/// Text without tabs and line breaks, each of which is written as a space.
func singleLine(_ text: String) -> String {
    let breaks: Set<Unicode.Scalar> = ["\t", "\n", "\u{B}", "\u{C}", "\r", "\u{85}", "\u{2028}", "\u{2029}"]
    return CodePoints(text).map { breaks.contains($0) ? " " : $0 }.string
}
