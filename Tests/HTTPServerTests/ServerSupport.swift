import Dispatch
import Glibc
import HTTPClient
import HTTPServer
import Synchronization
import Testing

/// Something that one thread waits for and another one does; false when it didn't come.
final class Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    func open() { semaphore.signal() }
    func wait() -> Bool { semaphore.wait(timeout: .now() + .seconds(20)) == .success }
}

/// Answers with what it was sent.
final class Echo: HTTPServer.Responder {
    let begun = Gate()
    let goOn = Gate()
    let abandoned = Gate()

    func check(_ head: HTTPRequest.Head) throws {
        guard head.path != "/none" else { throw HTTPError(.notFound, "nothing is at /none") }
    }

    func response(to request: HTTPRequest, _ abandonment: Abandonment) -> HTTPResponse {
        abandonment.whenHappened { [abandoned] in abandoned.open() }
        if request.head.path == "/wait" {
            begun.open()
            _ = goOn.wait()
        }
        let text = "\(request.head.method) \(request.head.path) "
        return HTTPResponse(contentType: "text/plain", body: Array(text.utf8) + request.body)
    }

    func response(to error: HTTPError, _ head: HTTPRequest.Head?) -> HTTPResponse {
        HTTPResponse(
            error.status, contentType: "text/plain", headers: error.headers, body: Array(error.description.utf8))
    }
}

/// A server on a port of its own while a test runs.
func withServer<Result>(
    _ responder: Echo = Echo(), _ options: HTTPServer.Options = HTTPServer.Options(),
    _ body: (RunningServer) throws -> Result
) throws -> Result {
    let server = RunningServer(try HTTPServer(host: "127.0.0.1", port: 0, options: options, responder: responder))
    defer { server.stop() }
    return try body(server)
}

final class RunningServer: Sendable {
    let server: HTTPServer
    private let ended = DispatchGroup()
    private let isStopped = Atomic(false)

    init(_ server: HTTPServer) {
        self.server = server
        DispatchQueue(label: "server").async(group: ended) {
            #expect(throws: Never.self) { try server.run() }
        }
    }

    /// Returns when it has ended.
    func stop() {
        beginStop()
        #expect(ended.wait(timeout: .now() + .seconds(20)) == .success)
    }

    func beginStop() {
        if !isStopped.exchange(true, ordering: .relaxed) { close(server.stopDescriptor) }
    }

    var port: UInt16 { UInt16(server.address.split(separator: ":").last ?? "") ?? 0 }

    func connect() throws -> HTTPClient { try HTTPClient(port: port) }

    /// Everything that comes for these bytes until the server closes.
    func answer(to text: String) throws -> String {
        let client = try connect()
        client.send(text)
        return client.receiveAll()
    }
}
