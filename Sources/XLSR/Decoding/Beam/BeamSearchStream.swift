/// What is known of an utterance while it is heard.
public enum StreamingTranscript: Hashable, Sendable {
    /// An utterance under way: `text` is the best guess, which begins with `stable`; that part won't change any more.
    case partial(stable: String, text: String)
    /// An utterance's end.
    case final(Transcript)
}

/// When an utterance ends, although there is more to come.
public struct EndOfUtteranceRule: Hashable, Sendable {
    /// An utterance that has some text ends when the most probable token has been the blank or a word delimiter for
    /// this long. It is judged frame by frame, so the size of the pieces doesn't matter.
    public var trailingSilenceSeconds: Double

    public init(trailingSilenceSeconds: Double = 1) {
        self.trailingSilenceSeconds = trailingSilenceSeconds
    }
}

/// A beam search over scores that come piece by piece.
///
/// Whatever the pieces' sizes, the final text is that of all scores at once. Memory grows with the text of an
/// utterance, not with time.
public struct BeamSearchStream: Sendable {
    private let decoder: BeamSearchDecoder
    private let kind: ScoreKind
    private let secondsPerFrame: Double
    /// Frames; nil: utterances don't end by themselves.
    private let silenceLimit: Int?
    private var search: BeamSearch
    private var stable = ""
    private var silentFrames = 0
    /// Whether the utterance has frames that no final transcript has told about.
    private var isOpen = false

    /// - Parameters:
    ///   - kind: `.detected` counts as `.logits`, for what all rows are can't be seen from some.
    ///   - endOfUtterance: without a rule, everything up to `finish()` is one utterance.
    public init(
        _ decoder: BeamSearchDecoder, secondsPerFrame: Double, endOfUtterance: EndOfUtteranceRule? = nil,
        kind: ScoreKind = .logits
    ) {
        (self.decoder, self.secondsPerFrame) = (decoder, secondsPerFrame)
        self.kind = kind == .detected ? .logits : kind
        silenceLimit = endOfUtterance.map { rule in
            Int(max(1, min((rule.trailingSilenceSeconds / secondsPerFrame).rounded(), 1e15)))
        }
        search = decoder.search()
    }

    /// Takes the next scores, any number of rows of `[frames, alphabet.count]`.
    /// - Returns: the final transcripts of the utterances that ended, then what is known of the one under way.
    /// - Throws: `UsageError` if the rows aren't whole.
    public mutating func append(_ scores: [Float]) throws -> [StreamingTranscript] {
        append(try decoder.activeTokens(scores, kind))
    }

    mutating func append(_ tokens: ActiveTokens) -> [StreamingTranscript] {
        var results: [StreamingTranscript] = []
        for frame in 0..<tokens.frameCount {
            isOpen = true
            search.step(tokens, frame: frame)
            silentFrames = isSilent(tokens, frame) ? silentFrames + 1 : 0
            if let silenceLimit, silentFrames >= silenceLimit, search.hasText { results.append(end()) }
        }
        guard isOpen else { return results }
        let (words, beginning, rest) = search.settleText()
        stable = Self.joined(stable, words)
        results.append(
            .partial(stable: Self.joined(stable, [beginning]), text: Self.joined(stable, rest)))
        return results
    }

    /// Ends the utterance under way; nil when there were no scores since the last one ended.
    public mutating func finish() -> StreamingTranscript? { isOpen ? end() : nil }

    private mutating func end() -> StreamingTranscript {
        let transcript = Transcript(
            decoder.hypotheses(search.endings()), secondsPerFrame: secondsPerFrame,
            alternativeCount: decoder.options.alternativeCount)
        search = decoder.search(frame: search.frame)
        (stable, silentFrames, isOpen) = ("", 0, false)
        return .final(transcript)
    }

    private func isSilent(_ tokens: ActiveTokens, _ frame: Int) -> Bool {
        let entries = tokens.entries(ofFrame: frame)
        guard let best = entries.max(by: { tokens.logProbabilities[$0] < tokens.logProbabilities[$1] }) else {
            return true
        }
        let token = decoder.alphabet.tokens[Int(tokens.tokens[best])]
        return token.isBlank || token.isDelimiter
    }

    private static func joined(_ text: String, _ words: [CodePoints]) -> String {
        let words = words.flatMap { $0.splitAtWhitespace() }
        guard !words.isEmpty else { return text }
        return (text.isEmpty ? "" : text + " ") + CodePoints(words.joined(separator: [" "])).string
    }
}

extension BeamSearchDecoder {
    /// Transcripts of scores that arrive over time, rows of `[frames, alphabet.count]`.
    ///
    /// Cancelling the task that iterates stops the work. The stream throws what `pieces` throws, and `UsageError` for
    /// rows that aren't whole.
    public func transcripts<Pieces: AsyncSequence & Sendable>(
        of pieces: Pieces, secondsPerFrame: Double, endOfUtterance: EndOfUtteranceRule? = nil
    ) -> AsyncThrowingStream<StreamingTranscript, any Error> where Pieces.Element == [Float] {
        AsyncThrowingStream { continuation in
            let task = Task {
                var stream = BeamSearchStream(
                    self, secondsPerFrame: secondsPerFrame, endOfUtterance: endOfUtterance)
                do {
                    for try await piece in pieces {
                        try CancellationFlag.check()
                        for transcript in try stream.append(piece) { continuation.yield(transcript) }
                    }
                    if let last = stream.finish() { continuation.yield(last) }
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }
}
