import TensorEngine
import XLSR

/// What a checkpoint's head says of an input.
struct HeadResult: Sendable {
    enum Content: Sendable {
        case labels([LabelScore])
        case activity([FrameScores.Segment])
        /// With the names and cosines of the inputs before it.
        case embedding(Embedding, similarities: [(audio: String, cosine: Double)])
    }

    let content: Content
    let audio: String
    let model: String
    let device: String
    let precision: String
    let audioSeconds: Double
    let elapsedSeconds: Double

    /// - Parameter isOneOfSeveral: whether other inputs' results go to the same place.
    func text(_ format: RunOptions.Format, isOneOfSeveral: Bool) throws -> String {
        switch format {
        case .json: return try jsonLine()
        case .rttm:
            guard case .activity(let segments) = content else { return "" }
            return rttmDocument(of: segments, audio: audio, audioSeconds: audioSeconds)
        default:
            let prefix = isOneOfSeveral ? singleLine(audio) + "\t" : ""
            return rows(isOneOfSeveral: isOneOfSeveral)
                .map { prefix + $0.joined(separator: "\t") + "\n" }.joined()
        }
    }

    /// Fields of lines: a label and its score; start, end, label and confidence; a vector's numbers, or with several
    /// inputs one before this and the cosine with it.
    private func rows(isOneOfSeveral: Bool) -> [[String]] {
        switch content {
        case .labels(let scores): scores.map { [singleLine($0.label), decimal($0.score, 4)] }
        case .activity(let segments):
            segments.map {
                [decimal($0.start, 3), decimal($0.end, 3), singleLine($0.label), decimal($0.confidence, 4)]
            }
        case .embedding(let embedding, let similarities):
            isOneOfSeveral
                ? similarities.map { [singleLine($0.audio), decimal($0.cosine, 4)] }
                : [[embedding.values.map { "\($0)" }.joined(separator: " ")]]
        }
    }

    /// An object on a line as that of transcripts, with `labels`, `segments`, or `embedding` and `similarities`.
    private func jsonLine() throws -> String {
        try ResultHeader(
            audio: audio, model: model, device: device, precision: precision, audioSeconds: audioSeconds,
            elapsedSeconds: elapsedSeconds
        ).jsonLine(with: Object(content))
    }

    private struct Object: Encodable {
        struct Label: Encodable {
            let label: String
            let score: Double?
        }

        struct Segment: Encodable {
            let label: String
            let start, end, confidence: Double?
        }

        struct Similarity: Encodable {
            let audio: String
            let cosine: Double?
        }

        var labels: [Label]?
        var segments: [Segment]?
        var embedding: [Float?]?
        var similarities: [Similarity]?

        init(_ content: Content) {
            switch content {
            case .labels(let scores):
                labels = scores.map { Label(label: $0.label, score: rounded($0.score, per: 1e6)) }
            case .activity(let parts):
                segments = parts.map {
                    Segment(
                        label: $0.label, start: rounded($0.start, per: 1e3), end: rounded($0.end, per: 1e3),
                        confidence: rounded($0.confidence, per: 1e4))
                }
            case .embedding(let vector, let others):
                embedding = vector.values.map { $0.isFinite ? $0 : nil }
                similarities = others.map { Similarity(audio: $0.audio, cosine: rounded($0.cosine, per: 1e6)) }
            }
        }
    }
}
