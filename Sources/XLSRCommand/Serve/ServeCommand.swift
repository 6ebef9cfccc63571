import HTTPServer
import TensorEngine
import XLSR

extension Option {
    static let host = Option("--host", value: "ADDRESS", "the address to listen on; 0.0.0.0: every one [127.0.0.1]")
    static let port = Option("--port", value: "N", "the port to listen on; 0: any that is free [8080]")
    static let requestMegabytes = Option("--request-megabytes", value: "N", "the largest request [256]")
    static let requestSeconds = Option(
        "--request-seconds", value: "S", "the longest audio of a request [14400]")
    static let allowOrigin = Option(
        "--allow-origin", value: "ORIGIN|*", "another site whose pages may ask (CORS) [none]")
}

extension Command {
    static let serve = Command(
        name: "serve",
        summary: "Answers over HTTP what `xlsr run` writes, and as OpenAI's API does.",
        operands: .none,
        options: [
            .host, .port, .requestMegabytes, .requestSeconds, .allowOrigin, .model, .devices, .precision, .language,
            .identifier, .batchSeconds, .chunkSeconds, .strideSeconds, .split, .normalize, .decoder, .beamWidth, .lm,
            .lmWeight, .wordScore, .hotword, .lexicon, .threads, .quiet, .verbose,
        ],
        notes: [
            """
            POST /run takes audio, as the body or as the field `file` of a form, and gives what `xlsr run` would write of \
            it. Options are fields of the query or the form, without dashes: \
            \(ServiceRequest.options.map(\.fieldName).joined(separator: ", ")). A field `text` has it aligned, as \
            `xlsr align` does.
            """,
            """
            POST /v1/audio/transcriptions and /v1/audio/translations are those of OpenAI's API, so that its clients work: \
            file, language, response_format (json, text, srt, vtt, verbose_json), timestamp_granularities[] and stream. \
            model, prompt and temperature change nothing.
            """,
            "GET / is a page to try it, GET /health tells of the model, GET /v1/models lists it.",
            """
            Requests that come at the same time share batches of --batch-seconds, and a short one doesn't wait for all of \
            a long one. Formats other than WAV need ffmpeg here. Who may ask isn't asked: on other addresses than this \
            machine's own, put a server in front that knows its users. Ctrl-C or SIGTERM ends it when what had begun is \
            answered, a second one at once.
            """,
        ],
        examples: [
            Example("xlsr serve --model ./xlsr-german", "listen on http://127.0.0.1:8080"),
            Example("curl --data-binary @a.wav '127.0.0.1:8080/run?format=srt'", "ask for subtitles"),
            Example("curl -F file=@a.mp3 127.0.0.1:8080/v1/audio/transcriptions", "ask as OpenAI's clients do"),
            Example("curl -F file=@a.wav -F text=@a.txt 127.0.0.1:8080/run", "when each word of a text is said"),
        ],
        perform: serve)

    /// As browsers say it: `https://example.org`, `http://localhost:3000`.
    private static func origin(_ text: String) throws -> String {
        let name = ["http://", "https://"].first(where: text.hasPrefix).map { text.dropFirst($0.count) } ?? ""
        guard text == "*" || !name.isEmpty && !name.contains(where: { $0 == "/" || $0 == "," || $0.isWhitespace })
        else {
            throw UsageError("--allow-origin: \(singleQuoted(text)) is neither * nor like https://example.org")
        }
        return text
    }

    @Sendable private static func serve(_ arguments: Arguments) throws -> Bool {
        let options = try RunOptions(arguments)
        let host = arguments[.host] ?? "127.0.0.1"
        let port = try arguments.integer(.port, in: 0...65_535) ?? 8080
        var limits = HTTPServer.Options()
        limits.bodyByteLimit = (try arguments.integer(.requestMegabytes, in: 1...100_000) ?? 256) << 20
        limits.totalByteLimit = max(limits.bodyByteLimit, HostSystem.memoryByteCount / 4)
        limits.allowedOrigin = try arguments[.allowOrigin].map(origin)
        let service = try SpeechService(arguments, options)
        let server = try HTTPServer(host: host, port: port, options: limits, responder: service)
        ProgressBar.disable()
        Signals.interruptCloses(server.stopDescriptor)
        if options.verbosity > .quiet {
            Terminal.note("\(options.model.name) listens on http://\(server.address)/")
        }
        try server.run()
        return true
    }
}
