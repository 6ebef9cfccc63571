/// How finely a transcript is resolved in time, where a format leaves the choice.
public enum TimestampLevel: String, CaseIterable, Sendable {
    case none, word, char
}

/// A form in which a transcript is written. To add one: a case, and a function from a result to text.
///
/// Times never go back and lie inside the audio.
public enum TranscriptFormat: String, CaseIterable, Sendable {
    case text, json, srt, vtt, lrc, tsv, csv, ctm, textgrid, rttm

    /// The usual extension of such files, without the dot.
    public var fileExtension: String {
        switch self {
        case .text: "txt"
        case .textgrid: "TextGrid"
        default: rawValue
        }
    }

    /// Whether results of several inputs may follow each other in one file or stream (see `record(of:timestamps:)`).
    public var holdsSeveralResults: Bool { [.text, .json, .ctm, .rttm].contains(self) }

    /// Whether it is made of cues, for which `SubtitleRules` matter.
    public var hasCues: Bool { [.srt, .vtt, .lrc, .tsv].contains(self) }

    /// The whole file or stream of a single result, with the newline at its end.
    ///
    /// - Parameters:
    ///   - timestamps: what JSON gives times for; for `lrc`, `word` gives each word of a line its time.
    ///   - rules: for the formats that have cues.
    /// - Throws: what `JSONEncoder` throws, for JSON.
    public func document(
        of result: TranscriptionResult, timestamps: TimestampLevel = .word, rules: SubtitleRules = SubtitleRules()
    ) throws -> String {
        var cueCount = 0
        return try header + body(of: result, timestamps: timestamps, rules: rules, cueCount: &cueCount)
    }

    /// What a document begins with, whatever follows.
    var header: String {
        switch self {
        case .vtt: vttHeader
        case .tsv: tsvHeader
        case .csv: csvHeader
        default: ""
        }
    }

    /// What a document has of a result.
    /// - Parameter cueCount: of cues that came before it, and then with it.
    func body(
        of result: TranscriptionResult, timestamps: TimestampLevel, rules: SubtitleRules, cueCount: inout Int
    ) throws -> String {
        let cues = hasCues ? Cue.cues(of: result, rules) : []
        defer { cueCount += cues.count }
        switch self {
        case .text: return result.transcript.text + "\n"
        case .json: return try jsonLine(of: result, timestamps: timestamps)
        case .srt: return srtText(of: cues, after: cueCount)
        case .vtt: return vttText(of: cues)
        case .lrc: return lrcText(of: cues, hasWordTimes: timestamps != .none)
        case .tsv: return tsvText(of: cues)
        case .csv: return csvText(of: result)
        case .ctm: return ctmText(of: result)
        case .textgrid: return textGridDocument(of: result)
        case .rttm: return rttmText(of: result)
        }
    }

    /// One result of several in the same stream: a line `audio<TAB>text`, a JSON object on a line (JSON Lines), or
    /// lines that name their recording (`ctm`, `rttm`).
    ///
    /// - Throws: `UsageError` for a format that holds one result only.
    public func record(of result: TranscriptionResult, timestamps: TimestampLevel = .word) throws -> String {
        guard holdsSeveralResults else {
            throw UsageError("\(rawValue) holds one audio a file; name a folder with --output for several inputs")
        }
        return self == .text
            ? "\(singleLine(result.audio))\t\(singleLine(result.transcript.text))\n"
            : try document(of: result, timestamps: timestamps)
    }
}

/// Text without tabs and line breaks, each of which is written as a space.
package func singleLine(_ text: String) -> String {
    let breaks: Set<Unicode.Scalar> = ["\t", "\n", "\u{B}", "\u{C}", "\r", "\u{85}", "\u{2028}", "\u{2029}"]
    return CodePoints(text).map { breaks.contains($0) ? " " : $0 }.string
}
