import Glibc

extension TranscriptionResult {
    /// The object that OpenAI's API calls `verbose_json`: `task`, `language`, `duration`, `text`, and as they are asked
    /// for `words` and `segments`, which are cues. Of what that API says of a segment there is what a CTC
    /// model knows: `avg_logprob` is the mean of the logarithms of its words' confidences.
    package func verboseJSON(hasWords: Bool, hasSegments: Bool) throws -> String {
        let segments = Cue.cues(of: self, SubtitleRules()).enumerated().map { index, cue in
            VerboseSegment(
                id: index, start: Double(cue.start) / 1000, end: Double(cue.end) / 1000, text: cue.text,
                avgLogprob: meanLogConfidence(from: cue.start, to: cue.end))
        }
        let words = transcript.words.map {
            VerboseWord(word: $0.text, start: rounded($0.start, per: 1e3), end: rounded($0.end, per: 1e3))
        }
        let object = VerboseObject(
            language: language, duration: rounded(audioSeconds, per: 1e3), text: transcript.text,
            words: hasWords ? words : nil, segments: hasSegments ? segments : nil)
        return try jsonLine(of: object)
    }

    private func meanLogConfidence(from start: Int, to end: Int) -> Double? {
        let words = transcript.words.filter { (start..<max(end, start + 1)).contains(Int($0.start * 1000)) }
        guard !words.isEmpty else { return nil }
        return rounded(words.reduce(0) { $0 + log($1.confidence) } / Double(words.count), per: 1e4)
    }
}

private struct VerboseObject: Encodable {
    let task = "transcribe"
    let language: String?
    let duration: Double?
    let text: String
    let words: [VerboseWord]?
    let segments: [VerboseSegment]?

    private enum CodingKeys: CodingKey { case task, language, duration, text, words, segments }
}

private struct VerboseWord: Encodable {
    let word: String
    let start, end: Double?
}

private struct VerboseSegment: Encodable {
    let id: Int
    let start, end: Double
    let text: String
    let avgLogprob: Double?

    private enum CodingKeys: String, CodingKey {
        case id, start, end, text
        case avgLogprob = "avg_logprob"
    }
}
