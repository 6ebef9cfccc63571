/// A subtitle: a few lines of text, shown together.
struct Cue {
    /// Milliseconds from the start of the audio.
    var start: Int
    /// Milliseconds from the start of the audio; the first moment after the cue.
    var end: Int
    var lines: [String]
    /// Its words, or parts of words that are too long for a line or a cue.
    var pieces: [Piece]

    struct Piece {
        var text: String
        /// Seconds.
        var start: Double
        /// Seconds.
        var end: Double
        var startsWord: Bool
        /// Begins a line of a text that was given.
        var startsLine = false
    }

    /// The cue's text on one line.
    var text: String { pieces.enumerated().map { ($0 > 0 && $1.startsWord ? " " : "") + $1.text }.joined() }
}

extension Cue {
    /// A pause of this length ends a cue.
    static let pauseSeconds = 1.0

    /// Groups words into cues in order, each inside the audio and none before the end of the one before it.
    static func cues(of result: TranscriptionResult, _ rules: SubtitleRules) -> [Cue] {
        let limit = result.milliseconds
        var cues: [Cue] = []
        for draft in rules.drafts(of: rules.pieces(of: result.transcript)) {
            let start = min(max(milliseconds(draft.start), cues.last?.end ?? 0), limit)
            let end = min(max(milliseconds(min(draft.end, draft.start + rules.cueSeconds)), start), limit)
            cues.append(Cue(start: start, end: end, lines: draft.lines, pieces: draft.pieces))
        }
        for index in cues.indices {
            let cue = cues[index]
            let seconds = min(Double(cue.text.count) / rules.charactersPerSecond, rules.cueSeconds)
            let free = index + 1 < cues.count ? cues[index + 1].start : limit
            cues[index].end = max(cue.end, min(cue.start + milliseconds(seconds), free))
        }
        return cues
    }
}

private struct Draft {
    var lines: [String]
    var pieces: [Cue.Piece]

    init(_ piece: Cue.Piece) {
        (lines, pieces) = ([piece.text], [piece])
    }

    var start: Double { pieces.first?.start ?? 0 }
    var end: Double { pieces.last?.end ?? 0 }

    /// Adds a piece to the last line or to a new one; false if it doesn't fit.
    mutating func add(_ piece: Cue.Piece, _ rules: SubtitleRules) -> Bool {
        guard !piece.startsLine, piece.start - end < Cue.pauseSeconds, piece.end - start <= rules.cueSeconds else {
            return false
        }
        let addition = (piece.startsWord ? " " : "") + piece.text
        if let line = lines.last, (line + addition).count <= rules.lineLength {
            lines[lines.count - 1] += addition
        } else if lines.count < rules.lineCount {
            lines.append(piece.text)
        } else {
            return false
        }
        pieces.append(piece)
        return true
    }
}

extension SubtitleRules {
    fileprivate func drafts(of pieces: [Cue.Piece]) -> [Draft] {
        var drafts: [Draft] = []
        for piece in pieces {
            if let last = drafts.indices.last, drafts[last].add(piece, self) { continue }
            drafts.append(Draft(piece))
        }
        return drafts
    }

    /// Cuts long words, which scripts without spaces have, between characters.
    fileprivate func pieces(of transcript: Transcript) -> [Cue.Piece] {
        var characters = transcript.characters[...]
        let lineStarts = Set(transcript.lineStarts)
        return transcript.words.enumerated().filter { !$1.text.allSatisfy(\.isWhitespace) }.flatMap { index, word in
            characters = characters.drop { $0.start < word.start }
            let isShort = word.text.count <= lineLength && word.end - word.start <= cueSeconds
            let parts = characters.prefix { $0.end <= word.end }
            var pieces = isShort || parts.isEmpty ? [Self.piece(word, startsWord: true)] : cut(parts)
            pieces[0].startsLine = lineStarts.contains(index)
            return pieces
        }
    }

    private func cut(_ characters: ArraySlice<TimedText>) -> [Cue.Piece] {
        characters.reduce(into: []) { pieces, part in
            if let last = pieces.last, (last.text + part.text).count <= lineLength,
                part.end - last.start <= cueSeconds, part.start - last.end < Cue.pauseSeconds
            {
                pieces[pieces.count - 1].text += singleLine(part.text)
                pieces[pieces.count - 1].end = part.end
            } else {
                pieces.append(Self.piece(part, startsWord: pieces.isEmpty))
            }
        }
    }

    private static func piece(_ timed: TimedText, startsWord: Bool) -> Cue.Piece {
        Cue.Piece(text: singleLine(timed.text), start: timed.start, end: timed.end, startsWord: startsWord)
    }
}
