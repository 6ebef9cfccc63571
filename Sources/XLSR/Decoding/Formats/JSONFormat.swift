/// One JSON object on a line: keys sorted, times in seconds to the millisecond.
///
/// Beside the fields of `ResultHeader` it has `text`, `start` of an utterance of a stream, `language` of models that
/// have several, `language_probability` where a classifier found it out and, as `timestamps` says, `words` and
/// `characters`: objects with `text`, `start`, `end` and `confidence` (0 to 1; see `Wav2Vec2CTCTokenizer.transcript`).
/// Of a beam search that was asked for them, `alternatives`, best first, each with `text` and the natural logarithms
/// `acoustic_score`, `language_score` and their sum, `total_score`.
func jsonLine(of result: TranscriptionResult, timestamps: TimestampLevel) throws -> String {
    try ResultHeader(
        audio: result.audio, model: result.model, device: result.device, precision: result.precision,
        audioSeconds: result.audioSeconds, elapsedSeconds: result.elapsedSeconds
    ).jsonLine(with: ResultObject(result, timestamps))
}

private struct ResultObject: Encodable {
    let text: String
    let start: Double?
    let language: String?
    let languageProbability: Double?
    let words, characters: [TimedTextObject]?
    let alternatives: [AlternativeObject]?

    enum CodingKeys: String, CodingKey {
        case text, start, language, words, characters, alternatives
        case languageProbability = "language_probability"
    }

    init(_ result: TranscriptionResult, _ timestamps: TimestampLevel) {
        text = result.transcript.text
        start = result.start.flatMap { rounded($0, per: 1e3) }
        language = result.language
        languageProbability = result.languageProbability.flatMap { rounded($0, per: 1e4) }
        words = timestamps == .none ? nil : result.transcript.words.map(TimedTextObject.init)
        characters = timestamps == .char ? result.transcript.characters.map(TimedTextObject.init) : nil
        let alternatives = result.transcript.alternatives.map(AlternativeObject.init)
        self.alternatives = alternatives.isEmpty ? nil : alternatives
    }
}

private struct AlternativeObject: Encodable {
    let text: String
    let acousticScore, languageScore, totalScore: Double?

    enum CodingKeys: String, CodingKey {
        case text
        case acousticScore = "acoustic_score"
        case languageScore = "language_score"
        case totalScore = "total_score"
    }

    init(_ alternative: Transcript.Alternative) {
        text = alternative.text
        acousticScore = rounded(alternative.acousticScore, per: 1e4)
        languageScore = rounded(alternative.languageScore, per: 1e4)
        totalScore = rounded(alternative.totalScore, per: 1e4)
    }
}

private struct TimedTextObject: Encodable {
    let text: String
    let start, end, confidence: Double?

    init(_ timed: TimedText) {
        text = timed.text
        start = rounded(timed.start, per: 1e3)
        end = rounded(timed.end, per: 1e3)
        confidence = rounded(timed.confidence, per: 1e4)
    }
}
