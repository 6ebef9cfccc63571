/// SubRip: numbered cues, with a blank line between two.
/// - Parameter count: of cues that came before them.
func srtText(of cues: [Cue], after count: Int) -> String {
    cues.enumerated().map { index, cue in
        let times = "\(clock(cue.start, decimalMark: ",")) --> \(clock(cue.end, decimalMark: ","))"
        let blank = count + index > 0 ? "\n" : ""
        return "\(blank)\(count + index + 1)\n\(times)\n\(cue.lines.joined(separator: "\n"))\n"
    }.joined()
}

let vttHeader = "WEBVTT\n"

/// WebVTT, with `&`, `<` and `>` escaped (W3C WebVTT, §4.2.2).
func vttText(of cues: [Cue]) -> String {
    cues.map { cue in
        let times = "\(clock(cue.start, decimalMark: ".")) --> \(clock(cue.end, decimalMark: "."))"
        return "\n\(times)\n\(cue.lines.map(vttEscaped).joined(separator: "\n"))\n"
    }.joined()
}

/// Lyrics: `[minutes:seconds.hundredths]` and a line of text; with times of words, the enhanced form, which has
/// `<minutes:seconds.hundredths>` before each word.
func lrcText(of cues: [Cue], hasWordTimes: Bool) -> String {
    cues.map { cue in
        let words = cue.pieces.enumerated().map { index, piece in
            let space = index > 0 && piece.startsWord ? " " : ""
            return "\(space)<\(lrcTime(min(max(milliseconds(piece.start), cue.start), cue.end)))>\(piece.text)"
        }
        return "[\(lrcTime(cue.start))]\(hasWordTimes ? words.joined() : cue.text)\n"
    }.joined()
}

let tsvHeader = "start\tend\ttext\n"

/// Tab-separated `start`, `end` (milliseconds) and `text`, a row per cue, as OpenAI's Whisper writes it.
func tsvText(of cues: [Cue]) -> String { cues.map { "\($0.start)\t\($0.end)\t\($0.text)\n" }.joined() }

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
