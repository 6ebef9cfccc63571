/// What a client asks for. Names of headers are in lower case.
public struct HTTPRequest: Sendable {
    /// What comes before the body.
    public struct Head: Sendable {
        public let method: String
        /// As it was sent, percent-decoded, without the query.
        public let path: String
        public let query: [(name: String, value: String)]
        public let headers: [(name: String, value: String)]
        /// Of HTTP/1.1.
        let isNew: Bool
        /// Whether the client keeps the connection for its next request unless it says otherwise.
        let isPersistent: Bool

        /// A header's values, joined by commas as a list's parts are; nil without one.
        public func header(_ name: String) -> String? {
            let values = headers.filter { $0.name == name }.map(\.value)
            return values.isEmpty ? nil : values.joined(separator: ", ")
        }
    }

    public let head: Head
    public let body: [UInt8]

    package init(head: Head, body: [UInt8]) {
        (self.head, self.body) = (head, body)
    }
}

/// What a client gets.
public struct HTTPResponse: Sendable {
    public var status: HTTPStatus
    public var contentType: String
    public var headers: [(name: String, value: String)]
    public var body: [UInt8]

    public init(
        _ status: HTTPStatus = .ok, contentType: String, headers: [(name: String, value: String)] = [], body: [UInt8]
    ) {
        self.status = status
        self.contentType = contentType
        self.headers = headers
        self.body = body
    }
}

/// Status codes of RFC 9110 that this server gives.
public enum HTTPStatus: Int, Sendable {
    case ok = 200
    case noContent = 204
    case badRequest = 400
    case notFound = 404
    case methodNotAllowed = 405
    case requestTimeout = 408
    case contentTooLarge = 413
    case headersTooLarge = 431
    case internalServerError = 500
    case notImplemented = 501
    case serviceUnavailable = 503
    case versionNotSupported = 505

    var reason: String {
        switch self {
        case .ok: "OK"
        case .noContent: "No Content"
        case .badRequest: "Bad Request"
        case .notFound: "Not Found"
        case .methodNotAllowed: "Method Not Allowed"
        case .requestTimeout: "Request Timeout"
        case .contentTooLarge: "Content Too Large"
        case .headersTooLarge: "Request Header Fields Too Large"
        case .internalServerError: "Internal Server Error"
        case .notImplemented: "Not Implemented"
        case .serviceUnavailable: "Service Unavailable"
        case .versionNotSupported: "HTTP Version Not Supported"
        }
    }
}

/// A request that can't be answered as asked: the status and the words of its answer.
public struct HTTPError: Error, CustomStringConvertible, Sendable {
    public let status: HTTPStatus
    public let description: String
    public let headers: [(name: String, value: String)]

    public init(_ status: HTTPStatus, _ description: String, headers: [(name: String, value: String)] = []) {
        self.status = status
        self.description = description
        self.headers = headers
    }
}
