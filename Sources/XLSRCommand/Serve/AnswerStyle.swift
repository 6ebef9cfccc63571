import HTTPServer
import XLSR

/// How a client is told a result.
enum AnswerStyle {
    /// As `xlsr run` writes it.
    case asRun
    /// As OpenAI's API calls it.
    case verbose(hasWords: Bool, hasSegments: Bool, language: String?)
    /// As events, of which the first has all of the text: OpenAI's stream.
    case events
}

extension AnswerStyle {
    func response(_ result: RunResult) throws -> HTTPResponse {
        if case .verbose(let hasWords, let hasSegments, let language) = self, case .transcript(var result, _) = result {
            result.language = result.language ?? language
            let text = try result.verboseJSON(hasWords: hasWords, hasSegments: hasSegments)
            return HTTPResponse(contentType: "application/json", body: Array(text.utf8))
        }
        if case .events = self, let text = result.text { return try .events(of: text) }
        var body: [UInt8] = []
        try result.write(isOneOfSeveral: false, path: "the answer") { body.append(contentsOf: $0) }
        return HTTPResponse(contentType: result.mediaType, body: body)
    }
}

extension HTTPResponse {
    /// What OpenAI's API sends of a text that comes in pieces: here, of one piece.
    fileprivate static func events(of text: String) throws -> HTTPResponse {
        struct Event: Encodable {
            let type: String
            var delta: String?
            var text: String?
        }
        let events = [
            Event(type: "transcript.text.delta", delta: text), Event(type: "transcript.text.done", text: text),
        ]
        var body: [UInt8] = []
        for event in events { body += Array("data: ".utf8) + (try HTTPResponse.json(event).body) + [10] }
        return HTTPResponse(contentType: "text/event-stream", body: body)
    }
}

extension RunResult {
    /// Of a transcript or a translation.
    fileprivate var text: String? {
        switch self {
        case .transcript(let result, _): result.transcript.text
        case .translation(let result, _, _): result.text
        case .head, .tensors: nil
        }
    }

    fileprivate var mediaType: String {
        let type =
            switch self {
            case .tensors: "application/octet-stream"
            case .head(_, let format): format == .json ? "application/json" : "text/plain"
            case .translation(_, let format, _): format == .json ? "application/json" : "text/plain"
            case .transcript(_, let style): style.format.mediaType
            }
        return type.hasPrefix("text/") ? type + "; charset=utf-8" : type
    }
}

extension TranscriptFormat {
    fileprivate var mediaType: String {
        switch self {
        case .json: "application/json"
        case .vtt: "text/vtt"
        case .csv: "text/csv"
        case .tsv: "text/tab-separated-values"
        case .text, .srt, .lrc, .ctm, .textgrid, .rttm: "text/plain"
        }
    }
}
