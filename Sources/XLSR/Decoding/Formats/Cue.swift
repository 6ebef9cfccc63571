/// A subtitle: up to two lines of text, shown together.
struct Cue {
    /// Milliseconds from the start of the audio.
    var start: Int
    /// Milliseconds from the start of the audio; the first moment after the cue.
    var end: Int
    var lines: [String]
    /// The cue's text on one line.
    var text: String
}

extension Cue {
    static let charactersPerLine = 42
    static let linesPerCue = 2
    static let longestSeconds = 7.0
    /// A pause of this length ends a cue.
    static let pauseSeconds = 1.0

    /// Groups words into cues in order, each inside the audio and none before the end of the one before it.
    static func cues(of result: TranscriptionResult) -> [Cue] {
        let limit = Int((seconds(result.audioSeconds) * 1000).rounded(.down))
        var cues: [Cue] = []
        for draft in drafts(of: pieces(of: result.transcript)) {
            let start = min(max(milliseconds(draft.start), cues.last?.end ?? 0), limit)
            let end = min(max(milliseconds(min(draft.end, draft.start + longestSeconds)), start), limit)
            cues.append(Cue(start: start, end: end, lines: draft.lines, text: draft.text))
        }
        return cues
    }

    private static func milliseconds(_ value: Double) -> Int { Int((seconds(value) * 1000).rounded()) }

    /// A time that fits any integer: NaN is 0, and nothing lasts longer than a hundred years.
    private static func seconds(_ value: Double) -> Double { value.isNaN ? 0 : min(max(value, 0), 3.2e9) }

    /// A word, or a part of a word that is too long for a line or a cue.
    private struct Piece {
        var text: String
        var start: Double
        var end: Double
        var startsWord: Bool
    }

    private struct Draft {
        var lines: [String]
        var text: String
        var start: Double
        var end: Double

        /// Adds a piece to the last line or to a new one; false if it doesn't fit.
        mutating func add(_ piece: Piece) -> Bool {
            guard piece.start - end < Cue.pauseSeconds, piece.end - start <= Cue.longestSeconds else { return false }
            let addition = (piece.startsWord ? " " : "") + piece.text
            if let line = lines.last, (line + addition).count <= Cue.charactersPerLine {
                lines[lines.count - 1] += addition
            } else if lines.count < Cue.linesPerCue {
                lines.append(piece.text)
            } else {
                return false
            }
            text += addition
            end = piece.end
            return true
        }
    }

    private static func drafts(of pieces: [Piece]) -> [Draft] {
        var drafts: [Draft] = []
        for piece in pieces {
            if let last = drafts.indices.last, drafts[last].add(piece) { continue }
            drafts.append(Draft(lines: [piece.text], text: piece.text, start: piece.start, end: piece.end))
        }
        return drafts
    }

    /// Cuts long words, which scripts without spaces have, between characters.
    private static func pieces(of transcript: Transcript) -> [Piece] {
        var characters = transcript.characters[...]
        return transcript.words.filter { !$0.text.allSatisfy(\.isWhitespace) }.flatMap { word -> [Piece] in
            characters = characters.drop { $0.start < word.start }
            let isShort = word.text.count <= charactersPerLine && word.end - word.start <= longestSeconds
            let parts = characters.prefix { $0.end <= word.end }
            if isShort || parts.isEmpty { return [piece(word, startsWord: true)] }
            return parts.reduce(into: []) { pieces, part in
                if let last = pieces.last, (last.text + part.text).count <= charactersPerLine,
                    part.end - last.start <= longestSeconds, part.start - last.end < pauseSeconds
                {
                    pieces[pieces.count - 1].text += singleLine(part.text)
                    pieces[pieces.count - 1].end = part.end
                } else {
                    pieces.append(piece(part, startsWord: pieces.isEmpty))
                }
            }
        }
    }

    private static func piece(_ timed: TimedText, startsWord: Bool) -> Piece {
        Piece(text: singleLine(timed.text), start: timed.start, end: timed.end, startsWord: startsWord)
    }
}
