import Dispatch
import FoundationEssentials
import HTTPServer
import TensorEngine
import XLSR

/// What `xlsr serve` answers.
final class SpeechService: HTTPServer.Responder {
    private struct Route {
        let method: String
        let path: String
        let answer: @Sendable (SpeechService, HTTPRequest) throws -> (HTTPResponse, audioSeconds: Double?)
    }

    private static let routes = [
        Route(method: "GET", path: "/") { _, _ in
            (HTTPResponse(contentType: "text/html; charset=utf-8", body: Array(servicePage.utf8)), nil)
        },
        Route(method: "GET", path: "/health") { service, _ in (try .json(service.health), nil) },
        Route(method: "GET", path: "/v1/models") { service, _ in (try .json(service.modelList), nil) },
        Route(method: "POST", path: "/run") { service, request in
            var asked = try ServiceRequest(request)
            asked.takeText()
            return try service.run(asked)
        },
        Route(method: "POST", path: OpenAIRequest.transcriptionPath) { service, request in
            let asked = try OpenAIRequest(request, languages: service.models.languages)
            return try service.run(asked.request, asked.style)
        },
        Route(method: "POST", path: OpenAIRequest.translationPath) { service, request in
            let asked = try OpenAIRequest(request, languages: nil)
            return try service.run(asked.request, asked.style)
        },
    ]

    /// What came with the command, which requests change for themselves.
    private let arguments: Arguments
    private let options: RunOptions
    private let configuration: Configuration
    private let models: ServedModels
    /// The longest audio of a request.
    private let maximumSeconds: Double
    /// Room for those that decode: each may need gigabytes for a moment.
    private let decoding = DispatchSemaphore(value: 4)
    /// The memory for samples.
    private let budget: ByteBudget
    private let started = ContinuousClock.now

    /// Loads the model.
    init(_ arguments: Arguments, _ options: RunOptions) throws {
        maximumSeconds = try arguments.number(.requestSeconds, in: 1...1_000_000) ?? 14_400
        configuration = try XLSRModel.configuration(options.model.files)
        (self.arguments, self.options) = (arguments, options)
        models = try ServedModels(options, RunPlan(options, configuration))
        let longest = 4 * maximumSeconds * Double(models.model.featureExtractor.sampleRate)
        budget = ByteBudget(max(Int(longest), HostSystem.memoryByteCount / 4))
    }

    func check(_ head: HTTPRequest.Head) throws { _ = try route(to: head) }

    private func route(to head: HTTPRequest.Head) throws -> Route {
        let routes = Self.routes.filter { $0.path == head.path }
        guard !routes.isEmpty else {
            let known = Self.routes.map { "\($0.method) \($0.path)" }.joined(separator: ", ")
            throw HTTPError(.notFound, "nothing is at \(head.path); there are \(known)")
        }
        let method = head.method == "HEAD" ? "GET" : head.method
        guard let route = routes.first(where: { $0.method == method }) else {
            throw HTTPError(
                .methodNotAllowed, "\(head.path) takes \(routes[0].method)",
                headers: [("Allow", routes.map(\.method).joined(separator: ", "))])
        }
        return route
    }

    func response(to request: HTTPRequest, _ abandonment: Abandonment) -> HTTPResponse {
        let start = ContinuousClock.now
        do {
            let route = try route(to: request.head)
            let flag = CancellationFlag()
            abandonment.whenHappened { flag.raise() }
            let (response, audioSeconds) = try CancellationFlag.$current.withValue(flag) {
                try route.answer(self, request)
            }
            let audio = audioSeconds.map { ", \(decimal($0, 2)) s of audio" } ?? ""
            log(request.head, response.status, audio + " in \(decimal(start.duration(to: .now).seconds, 3)) s")
            return response
        } catch is CancellationError {
            log(request.head, nil, "the client has gone")
            return HTTPResponse(.serviceUnavailable, contentType: "text/plain", body: [])
        } catch {
            return self.response(to: HTTPError(error), request.head)
        }
    }

    /// - Parameter status: nil when nobody gets one.
    private func log(_ head: HTTPRequest.Head?, _ status: HTTPStatus?, _ words: String) {
        guard options.verbosity > .quiet else { return }
        let asked = head.map { "\($0.method.prefix(20)) \($0.path.prefix(100))" } ?? "no request"
        Terminal.note("\(asked)\(status.map { " \($0.rawValue)" } ?? ": ")\(words)")
    }

    func response(to error: HTTPError, _ head: HTTPRequest.Head?) -> HTTPResponse {
        struct Message: Encodable {
            let message: String
            let type: String
        }
        // Messages repeat what they are about, which may be long.
        let message = String(error.description.prefix(1000))
        log(head, error.status, ": \(message)")
        let type = error.status.rawValue < 500 ? "invalid_request_error" : "server_error"
        let fields = ["error": Message(message: message, type: type)]
        var response = (try? HTTPResponse.json(fields)) ?? HTTPResponse(contentType: "text/plain", body: [])
        (response.status, response.headers) = (error.status, error.headers)
        return response
    }

    // MARK: Answers

    private var modelList: some Encodable {
        struct Entry: Encodable {
            let id: String
            let object = "model"
            let ownedBy = "xlsr"
        }
        struct List: Encodable {
            let object = "list"
            let data: [Entry]
        }
        return List(data: [Entry(id: options.model.name)])
    }

    private var health: some Encodable {
        struct Health: Encodable {
            let status = "ok"
            let version = Program.version
            let model, task, device, precision: String
            let languages: [String]?
            let sampleRate: Int
            let uptimeSeconds: Double
        }
        let model = models.model
        return Health(
            model: model.name, task: configuration.task.rawValue,
            device: model.devices.map(\.description).joined(separator: ","), precision: model.precision.name,
            languages: models.languages.isEmpty ? nil : models.languages,
            sampleRate: model.featureExtractor.sampleRate,
            uptimeSeconds: started.duration(to: .now).seconds.rounded())
    }

    private func decoded(_ request: ServiceRequest, sampleRate: Int) throws -> AudioClip {
        decoding.wait()
        defer { decoding.signal() }
        return try AudioFile.read(
            request.audio, name: request.name, sampleRate: sampleRate, maximumSeconds: maximumSeconds)
    }

    private func run(
        _ request: ServiceRequest, _ style: AnswerStyle = .asRun
    ) throws -> (HTTPResponse, audioSeconds: Double?) {
        let options = try RunOptions(
            request.arguments(arguments), isAlignment: request.text != nil, model: options.model)
        let plan = try RunPlan(options, configuration)
        let loaded = try models.loaded(options, plan)
        let clip = try decoded(request, sampleRate: loaded.model.featureExtractor.sampleRate)
        var share = ByteShare(of: budget)
        try share.grow(by: 4 * clip.samples.count)
        let texts: [Result<AlignmentText, any Error>] =
            try request.text.map { [.success(try loaded.model.alignmentText($0, source: "text"))] } ?? []
        let capture = Destination.Capture()
        _ = try RunSession(
            options, plan, loaded, inputs: [request.name], clips: [clip], texts: texts,
            destination: .capture(capture)
        ).run()
        guard let result = try capture.result?.get() else { throw CancellationError() }
        return (try style.response(result), clip.seconds)
    }
}

extension HTTPResponse {
    /// An object, its keys sorted and in snake case.
    static func json(_ value: some Encodable) throws -> HTTPResponse {
        HTTPResponse(
            contentType: "application/json", body: Array(try jsonLine(of: value, keys: .convertToSnakeCase).utf8))
    }
}

extension HTTPError {
    /// Whose fault an error is.
    fileprivate init(_ error: any Error) {
        switch error {
        case let error as HTTPError: self = error
        case let error as AudioError where error.kind == .noDecoder: self.init(.internalServerError, "\(error)")
        case let error as AudioError where error.kind == .tooLong: self.init(.contentTooLarge, "\(error)")
        case is UsageError, is AudioError, is TextError: self.init(.badRequest, inFieldNames("\(error)"))
        case let error as TensorError where error.kind == .outOfMemory:
            self.init(.serviceUnavailable, "\(error)", headers: [("Retry-After", "5")])
        default: self.init(.internalServerError, inFieldNames("\(error)"))
        }
    }
}
