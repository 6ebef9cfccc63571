import Dispatch
import Glibc
import Synchronization

/// Why a server can't listen.
public struct ListenError: Error, CustomStringConvertible, Sendable {
    public let description: String
}

/// An HTTP/1.1 server: a thread for each connection, and one for each request that is answered.
///
/// It knows nothing of what it serves. Requests that can't be read, that are too large or too many are answered here.
public final class HTTPServer: Sendable {
    public struct Options: Sendable {
        /// The most bytes of a request's body.
        public var bodyByteLimit = 1 << 28
        /// The most bytes of the bodies of all requests.
        public var totalByteLimit = 1 << 32
        /// Clients that may be connected at a time.
        public var connectionLimit = 128
        /// Requests that are answered at a time; others wait.
        public var requestLimit = 32
        /// Whose pages may ask, as `Access-Control-Allow-Origin` has it; nil: no other site's.
        public var allowedOrigin: String?

        public init() {}
    }

    /// What answers requests.
    public protocol Responder: Sendable {
        /// Whether a request is worth reading on.
        /// - Throws: `HTTPError`.
        func check(_ head: HTTPRequest.Head) throws

        /// - Parameter abandoned: hears of a client that has gone away meanwhile.
        func response(to request: HTTPRequest, _ abandoned: Abandonment) -> HTTPResponse

        /// What a client gets that isn't served.
        /// - Parameter head: nil when it sent no request that could be read.
        func response(to error: HTTPError, _ head: HTTPRequest.Head?) -> HTTPResponse
    }

    /// The address as clients write it: `127.0.0.1:8080`, `[::1]:8080`.
    public let address: String

    private let listener: Int32
    private let (stopped, stopping): (Int32, Int32)
    private let options: Options
    private let limits: BodyLimits
    private let responder: any Responder
    private let requestRoom: DispatchSemaphore
    private let connectionCount = Atomic(0)
    private let connections = DispatchGroup()

    /// Begins to listen.
    /// - Parameters:
    ///   - host: a name or an address.
    ///   - port: 0 for any that is free.
    /// - Throws: `ListenError`.
    public init(host: String, port: Int, options: Options = Options(), responder: any Responder) throws {
        (listener, address) = try listen(host: host, port: port)
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else {
            close(listener)
            throw ListenError(description: "no pipe: \(String(cString: strerror(errno)))")
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        (stopped, stopping) = (ends[0], ends[1])
        self.options = options
        self.responder = responder
        limits = BodyLimits(byteLimit: options.bodyByteLimit, budget: ByteBudget(options.totalByteLimit))
        requestRoom = DispatchSemaphore(value: options.requestLimit)
    }

    deinit {
        close(listener)
        close(stopped)
    }

    /// Closing it stops the server, which even a signal's handler may do. Nobody else closes it.
    public var stopDescriptor: Int32 { stopping }

    /// Serves until it is stopped, and the requests that had begun are answered.
    /// - Throws: `ListenError` when the system takes the socket away.
    public func run() throws {
        defer {
            // Who comes now may find another server.
            shutdown(listener, Int32(SHUT_RDWR))
            connections.wait()
        }
        while true {
            var states = [listener, stopped].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            guard poll(&states, 2, -1) >= 0 || errno == EINTR else { throw failure("listening failed") }
            if states[1].revents != 0 { return }
            guard states[0].revents != 0 else { continue }
            let socket = accept(listener, nil, nil)
            guard socket >= 0 else {
                switch errno {
                case EBADF, EINVAL, ENOTSOCK: throw failure("accepting a client failed")
                case EAGAIN, EINTR, ECONNABORTED: break
                // Too many files are open, say: some will be closed.
                default: usleep(100_000)
                }
                continue
            }
            _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
            _ = fcntl(socket, F_SETFL, O_NONBLOCK)
            var one: Int32 = 1
            setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
            let count = connectionCount.add(1, ordering: .relaxed).newValue
            guard count <= options.connectionLimit else {
                refuse(socket)
                continue
            }
            DispatchQueue(label: "client").async(group: connections) { [self] in
                serve(Connection(socket: socket, stopped: stopped))
                connectionCount.subtract(1, ordering: .relaxed)
            }
        }
    }

    /// On this thread, since all others are in use: nothing that waits.
    private func refuse(_ socket: Int32) {
        let error = HTTPError(
            .serviceUnavailable, "\(options.connectionLimit) clients are connected already; try again",
            headers: [("Retry-After", "5")])
        var bytes = responder.response(to: error, nil).bytes(isLast: true, hasBody: true)
        send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        // What has come and isn't read would make it a reset.
        recv(socket, &bytes, bytes.count, 0)
        close(socket)
        connectionCount.subtract(1, ordering: .relaxed)
    }

    // MARK: One client

    private func serve(_ connection: consuming Connection) {
        var head: HTTPRequest.Head?
        do {
            while let bytes = try connection.readHead() {
                head = nil
                let request = try RequestHeadParser.head(of: bytes)
                head = request
                guard try answer(request, on: &connection) else { return }
            }
        } catch let error as HTTPError {
            refuse(head, error, on: &connection)
        } catch Connection.Failure.timeout where head != nil {
            refuse(head, HTTPError(.requestTimeout, "nothing came for too long"), on: &connection)
        } catch {
            // Nobody is there to hear of it.
        }
    }

    /// The last answer of a connection: where the next request begins is not known any more.
    private func refuse(_ head: HTTPRequest.Head?, _ error: HTTPError, on connection: inout Connection) {
        try? write(responder.response(to: error, head), on: &connection, to: head, isLast: true)
        connection.endUnread()
    }

    /// - Returns: whether another request may come.
    private func answer(_ head: HTTPRequest.Head, on connection: inout Connection) throws -> Bool {
        let isPreflight = options.allowedOrigin != nil && head.method == "OPTIONS"
        if !isPreflight { try responder.check(head) }
        var share = ByteShare(of: limits.budget)
        let request = HTTPRequest(head: head, body: try connection.readBody(head, limits, &share))
        guard let response = isPreflight ? .preflight(head) : response(to: request, on: connection) else {
            return false
        }
        let isLast = !head.isPersistent || isStopped
        try write(response, on: &connection, to: head, isLast: isLast)
        return !isLast
    }

    /// Answers on another thread, while this one sees whether the client is still there; nil when it isn't.
    private func response(to request: HTTPRequest, on connection: borrowing Connection) -> HTTPResponse? {
        let milliseconds = 100
        while requestRoom.wait(timeout: .now() + .milliseconds(milliseconds)) != .success {
            if connection.isAbandoned { return nil }
        }
        let (answer, abandonment) = (Answer(), Abandonment())
        DispatchQueue(label: "request").async { [self] in
            let response = responder.response(to: request, abandonment)
            requestRoom.signal()
            answer.come(response)
        }
        while !answer.wait(milliseconds: milliseconds) {
            if connection.isAbandoned { abandonment.happen() }
        }
        return abandonment.hasHappened ? nil : answer.response
    }

    private func write(
        _ response: HTTPResponse, on connection: inout Connection, to head: HTTPRequest.Head?, isLast: Bool
    ) throws {
        var response = response
        if let origin = options.allowedOrigin {
            response.headers += [("Access-Control-Allow-Origin", origin), ("Vary", "Origin")]
        }
        try connection.write(response.bytes(isLast: isLast, hasBody: head?.method != "HEAD"))
    }

    private var isStopped: Bool {
        var state = pollfd(fd: stopped, events: Int16(POLLIN), revents: 0)
        return poll(&state, 1, 0) > 0
    }

    private func failure(_ what: String) -> ListenError {
        ListenError(description: "\(address): \(what): \(String(cString: strerror(errno)))")
    }
}
