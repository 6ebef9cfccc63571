import HTTPServer
import XLSR

/// A request as the clients of OpenAI's API for audio send it.
struct OpenAIRequest {
    static let transcriptionPath = "/v1/audio/transcriptions"
    static let translationPath = "/v1/audio/translations"

    /// Fields of that API that these models have no use for.
    private static let ignored = ["model", "prompt", "temperature", "include", "chunking_strategy"]

    /// What `response_format` may be.
    private static let formats = ["json", "text", "srt", "vtt", "verbose_json"]

    /// How the result is told.
    enum Style {
        /// As `xlsr run` writes it.
        case asRun
        case verbose(hasWords: Bool, hasSegments: Bool, language: String?)
        /// As events, of which the first has all of the text.
        case events
    }

    let request: ServiceRequest
    let style: Style

    /// - Parameter languages: those that the model has adapters for; without adapters, any may be named; nil: it is the
    ///   target of a translation.
    /// - Throws: `HTTPError`.
    init(_ request: HTTPRequest, languages: [String]?) throws {
        var asked = try ServiceRequest(request)
        for name in asked.fields.map(\.name) {
            // Parts of a field are name[part].
            if Self.ignored.contains(String(name.prefix { $0 != "[" })) { _ = asked.take(name) }
        }
        let granularities = Set(
            asked.takeAll("timestamp_granularities[]") + asked.takeAll("timestamp_granularities"))
        if let unknown = granularities.subtracting(["word", "segment"]).sorted().first {
            throw HTTPError(.badRequest, "timestamp_granularities[]: \(singleQuoted(unknown)) is not word or segment")
        }
        let format = asked.take("response_format") ?? "json"
        guard Self.formats.contains(format) else {
            throw HTTPError(
                .badRequest,
                "response_format: \(singleQuoted(format)) is not one of \(Self.formats.joined(separator: ", "))")
        }
        let isVerbose = format == "verbose_json"
        asked.set("task", languages == nil ? "translate" : "transcribe")
        asked.set("format", isVerbose ? "json" : format)
        let language = asked.fields.last { $0.name == "language" }?.value
        // Of one language the model needn't be told.
        if languages?.isEmpty == true { _ = asked.take("language") }
        let streams = ["true", "1"].contains(asked.take("stream")?.lowercased() ?? "")
        if streams, ["json", "text"].contains(format) {
            style = .events
        } else if isVerbose, languages != nil {
            style = .verbose(
                hasWords: granularities.contains("word"),
                hasSegments: granularities.isEmpty || granularities.contains("segment"), language: language)
        } else {
            style = .asRun
        }
        self.request = asked
    }
}

extension OpenAIRequest.Style {
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
