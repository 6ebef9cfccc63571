/// SubRip: numbered cues.
func srtDocument(of cues: [Cue]) -> String {
    cues.enumerated().map { index, cue in
        let times = "\(clock(cue.start, decimalMark: ",")) --> \(clock(cue.end, decimalMark: ","))"
        return "\(index + 1)\n\(times)\n\(cue.lines.joined(separator: "\n"))\n"
    }.joined(separator: "\n")
}

/// WebVTT, with `&`, `<` and `>` escaped (W3C WebVTT, §4.2.2).
func vttDocument(of cues: [Cue]) -> String {
    "WEBVTT\n"
        + cues.map { cue in
            let times = "\(clock(cue.start, decimalMark: ".")) --> \(clock(cue.end, decimalMark: "."))"
            return "\n\(times)\n\(cue.lines.map(vttEscaped).joined(separator: "\n"))\n"
        }.joined()
}

/// Lyrics: `[minutes:seconds.hundredths]` and a line of text; with times of words, the enhanced form, which has
/// `<minutes:seconds.hundredths>` before each word.
func lrcDocument(of cues: [Cue], hasWordTimes: Bool) -> String {
    cues.map { cue in
        let words = cue.pieces.enumerated().map { index, piece in
            let space = index > 0 && piece.startsWord ? " " : ""
            return "\(space)<\(lrcTime(min(max(milliseconds(piece.start), cue.start), cue.end)))>\(piece.text)"
        }
        return "[\(lrcTime(cue.start))]\(hasWordTimes ? words.joined() : cue.text)\n"
    }.joined()
}

/// Tab-separated `start`, `end` (milliseconds) and `text`, a row per cue, as OpenAI's Whisper writes it.
func tsvDocument(of cues: [Cue]) -> String {
    "start\tend\ttext\n" + cues.map { "\($0.start)\t\($0.end)\t\($0.text)\n" }.joined()
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
    let (seconds, minutes) = (milliseconds / 1000, milliseconds / 60_000)
    return padded(minutes / 60, to: 2) + ":" + padded(minutes % 60, to: 2) + ":" + padded(seconds % 60, to: 2)
        + decimalMark + padded(milliseconds % 1000, to: 3)
}

private func lrcTime(_ milliseconds: Int) -> String {
    let (minutes, seconds, hundredths) = (milliseconds / 60_000, milliseconds / 1000 % 60, milliseconds / 10 % 100)
    return "\(padded(minutes, to: 2)):\(padded(seconds, to: 2)).\(padded(hundredths, to: 2))"
}
