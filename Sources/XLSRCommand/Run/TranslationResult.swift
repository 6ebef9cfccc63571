import FoundationEssentials
import XLSR

/// A form in which a translation is written.
enum TranslationFormat: String, Sendable {
    case text, json

    var fileExtension: String { self == .text ? "txt" : "json" }
}

/// A translation with what `--format json` tells of it.
struct TranslationResult: Encodable, Sendable {
    struct Segment: Encodable {
        let start, end: Double
        let text: String
        let score: Double?
        let tokens: [String]
        let tokenIDs: [Int]

        enum CodingKeys: String, CodingKey {
            case start, end, text, score, tokens
            case tokenIDs = "token_ids"
        }
    }

    let version = 1
    let audio, text: String
    let language: String?
    let segments: [Segment]
    let model, device, precision: String
    let audioSeconds, elapsedSeconds: Double
    let realTimeFactor: Double?

    enum CodingKeys: String, CodingKey {
        case version, audio, text, language, segments, model, device, precision
        case audioSeconds = "audio_seconds"
        case elapsedSeconds = "elapsed_seconds"
        case realTimeFactor = "real_time_factor"
    }

    init(
        audio: String, _ translation: Translation, _ tokenizer: SubwordTokenizer, model: XLSRModel,
        device: String, audioSeconds: Double, elapsedSeconds: Double
    ) {
        self.audio = audio
        text = translation.text
        language = translation.language
        segments = translation.segments.map { segment in
            let best = segment.hypotheses.first
            let ids = best?.tokenIDs ?? []
            return Segment(
                start: rounded(segment.start, 3), end: rounded(segment.end, 3), text: segment.text,
                score: best.flatMap { $0.score.isFinite ? rounded($0.score, 4) : nil },
                tokens: ids.map { tokenizer.token(for: $0) ?? "" }, tokenIDs: ids)
        }
        self.model = model.name
        self.device = device
        precision = model.precision.name
        self.audioSeconds = rounded(audioSeconds, 3)
        self.elapsedSeconds = rounded(elapsedSeconds, 3)
        realTimeFactor = audioSeconds > 0 ? rounded(elapsedSeconds / audioSeconds, 4) : nil
    }

    /// With the newline at its end.
    func text(_ format: TranslationFormat, isOneOfSeveral: Bool) throws -> String {
        switch format {
        case .text: return isOneOfSeveral ? "\(Self.line(audio))\t\(Self.line(text))\n" : text + "\n"
        case .json:
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
        }
    }

    private static func line(_ text: String) -> String {
        text.split { $0.isNewline || $0 == "\t" }.joined(separator: " ")
    }
}

private func rounded(_ value: Double, _ digits: Int) -> Double {
    let scale = (0..<digits).reduce(1.0) { value, _ in value * 10 }
    return (value * scale).rounded() / scale
}
