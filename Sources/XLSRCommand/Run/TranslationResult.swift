import XLSR

/// A form in which a translation is written.
enum TranslationFormat: String, Sendable {
    case text, json

    var fileExtension: String { self == .text ? "txt" : "json" }
}

/// A translation with what `--format json` tells of it.
struct TranslationResult: Sendable {
    private struct Object: Encodable {
        let text: String
        let start: Double?
        let language: String?
        let segments: [Segment]
    }

    private struct Segment: Encodable {
        let start, end: Double?
        let text: String
        let score: Double?
        let tokens: [String]
        let tokenIDs: [Int]

        enum CodingKeys: String, CodingKey {
            case start, end, text, score, tokens
            case tokenIDs = "token_ids"
        }
    }

    private let audio: String
    private let object: Object
    private let header: ResultHeader

    /// - Parameter start: of an utterance of a stream, seconds of the stream that came before.
    init(
        audio: String, _ translation: Translation, _ tokenizer: SubwordTokenizer, model: XLSRModel,
        device: String, audioSeconds: Double, elapsedSeconds: Double, start: Double? = nil
    ) {
        self.audio = audio
        let segments = translation.segments.map { segment in
            let best = segment.hypotheses.first
            let ids = best?.tokenIDs ?? []
            return Segment(
                start: rounded(segment.start + (start ?? 0), per: 1e3),
                end: rounded(segment.end + (start ?? 0), per: 1e3), text: segment.text,
                score: best.flatMap { rounded($0.score, per: 1e4) },
                tokens: ids.map { tokenizer.token(for: $0) ?? "" }, tokenIDs: ids)
        }
        object = Object(
            text: translation.text, start: start.flatMap { rounded($0, per: 1e3) }, language: translation.language,
            segments: segments)
        header = ResultHeader(
            audio: audio, model: model.name, device: device, precision: model.precision.name,
            audioSeconds: audioSeconds, elapsedSeconds: elapsedSeconds)
    }

    var text: String { object.text }

    /// With the newline at its end.
    func text(_ format: TranslationFormat, isOneOfSeveral: Bool) throws -> String {
        switch format {
        case .text: isOneOfSeveral ? "\(singleLine(audio))\t\(singleLine(text))\n" : text + "\n"
        case .json: try header.jsonLine(with: object)
        }
    }
}
