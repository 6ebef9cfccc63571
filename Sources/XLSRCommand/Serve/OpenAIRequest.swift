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

    let request: ServiceRequest
    let style: AnswerStyle

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
