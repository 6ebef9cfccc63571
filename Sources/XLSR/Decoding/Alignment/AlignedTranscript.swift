import Glibc

extension AlignmentText {
    /// The text's words and characters with their places in the audio.
    ///
    /// A character lies on the frames of its tokens. Its confidence is the mean of its tokens' posteriors over these, a
    /// word's the mean over the frames of its characters, as in `Wav2Vec2CTCTokenizer.transcript`. A star takes all
    /// frames that nothing else explains better; its time ends where the model hears only blanks and delimiters, and it
    /// adds nothing to a word's confidence, which is 0 when there is nothing else.
    func transcript(_ alignment: ForcedAlignment, _ emissions: CTCEmissions, ids: [Int], secondsPerFrame: Double)
        -> Transcript
    {
        let columns = Dictionary(uniqueKeysWithValues: ids.enumerated().map { ($1, $0) })
        func posterior(_ id: Int, _ frame: Int) -> Double {
            let value = exp(Double(emissions.values[frame * emissions.columnCount + (columns[id] ?? 0)]))
            return value.isFinite ? value : 0
        }
        func trimmed(_ span: Range<Int>) -> Range<Int> {
            let isHeard: (Int) -> Bool = { frame in
                posterior(ids[0], frame) + (delimiter.map { posterior($0, frame) } ?? 0) < 0.5
            }
            guard let first = span.first(where: isHeard), let last = span.last(where: isHeard) else { return span }
            return first..<last + 1
        }
        func timed(_ text: String, _ parts: some Collection<(token: Int, span: Range<Int>)>) -> TimedText {
            let frames = parts.filter { $0.token != ForcedAlignment.star }.flatMap { part in
                part.span.map { posterior(part.token, $0) }
            }
            return TimedText(
                text: text, start: Double(parts.first?.span.lowerBound ?? 0) * secondsPerFrame,
                end: Double(parts.map(\.span.upperBound).max() ?? 0) * secondsPerFrame,
                confidence: frames.isEmpty ? 0 : min(1, frames.reduce(0, +) / Double(frames.count)))
        }
        var parts = zip(tokens, alignment.spans).map { token, span in
            (token: token, span: token == ForcedAlignment.star ? trimmed(span) : span)
        }[...]
        var transcript = Transcript(text: text)
        for (index, word) in words.enumerated() {
            if index > 0, delimiter != nil { transcript.characters.append(timed(" ", parts.prefix(1))) }
            if index > 0, delimiter != nil { parts = parts.dropFirst() }
            if word.startsLine { transcript.lineStarts.append(index) }
            let count = word.units.reduce(0) { $0 + $1.tokens.count }
            transcript.words.append(timed(word.text, parts.prefix(count)))
            for unit in word.units {
                transcript.characters.append(timed(unit.text, parts.prefix(unit.tokens.count)))
                parts = parts.dropFirst(unit.tokens.count)
            }
        }
        return transcript
    }
}
