/// SubRip: numbered cues.
func srtDocument(of result: TranscriptionResult) -> String {
    Cue.cues(of: result).enumerated().map { index, cue in
        let times = "\(clock(cue.start, decimalMark: ",")) --> \(clock(cue.end, decimalMark: ","))"
        return "\(index + 1)\n\(times)\n\(cue.lines.joined(separator: "\n"))\n"
    }.joined(separator: "\n")
}

/// WebVTT, with `&`, `<` and `>` escaped (W3C WebVTT, §4.2.2).
func vttDocument(of result: TranscriptionResult) -> String {
    "WEBVTT\n"
        + Cue.cues(of: result).map { cue in
            let times = "\(clock(cue.start, decimalMark: ".")) --> \(clock(cue.end, decimalMark: "."))"
            return "\n\(times)\n\(cue.lines.map(vttEscaped).joined(separator: "\n"))\n"
        }.joined()
}

/// Tab-separated `start`, `end` (milliseconds) and `text`, a row per cue, as OpenAI's Whisper writes it.
func tsvDocument(of result: TranscriptionResult) -> String {
    "start\tend\ttext\n" + Cue.cues(of: result).map { "\($0.start)\t\($0.end)\t\($0.text)\n" }.joined()
}

private func vttEscaped(_ text: String) -> String {
    CodePoints(text).flatMap { scalar -> CodePoints in
        switch scalar {
        case "&": CodePoints("&amp;")
        case "<": CodePoints("&lt;")
        case ">": CodePoints("&gt;")
        default: [scalar]
        }
    }.string
}

/// `HH:MM:SS` and thousandths; more digits for the hours where needed.
private func clock(_ milliseconds: Int, decimalMark: String) -> String {
    func padded(_ value: Int, to width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    let (seconds, minutes) = (milliseconds / 1000, milliseconds / 60_000)
    return padded(minutes / 60, to: 2) + ":" + padded(minutes % 60, to: 2) + ":" + padded(seconds % 60, to: 2)
        + decimalMark + padded(milliseconds % 1000, to: 3)
}
