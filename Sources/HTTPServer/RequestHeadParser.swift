/// Reads what comes before a request's body (RFC 9112).
package struct RequestHeadParser {
    /// More than any client sends.
    static let byteLimit = 1 << 16

    /// - Parameter bytes: the lines up to the empty one.
    /// - Throws: `HTTPError` 400, 501 or 505 for what is no request, or one that could be read in two ways.
    package static func head(of bytes: some Collection<UInt8>) throws -> HTTPRequest.Head {
        // In Latin-1, which holds any bytes.
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { line in
            let line = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
            return String(String.UnicodeScalarView(line.map { Unicode.Scalar($0) }))[...]
        }[...]
        let requestLine = (lines.popFirst() ?? "").split(separator: " ", omittingEmptySubsequences: false)
        guard requestLine.count == 3, isToken(requestLine[0]), !requestLine[1].isEmpty else {
            throw HTTPError(.badRequest, "the first line is not METHOD TARGET HTTP/1.1")
        }
        guard ["HTTP/1.1", "HTTP/1.0"].contains(requestLine[2]) else {
            guard requestLine[2].hasPrefix("HTTP/") else {
                throw HTTPError(.badRequest, "the first line is not METHOD TARGET HTTP/1.1")
            }
            throw HTTPError(.versionNotSupported, "\(requestLine[2]): only HTTP/1.1 and HTTP/1.0 are spoken here")
        }
        let headers = try lines.map(header)
        let (path, query) = try target(requestLine[1])
        let connection = headers.filter { $0.name == "connection" }
            .flatMap { $0.value.lowercased().split(separator: ",") }.map { trimmed($0) }
        let isNew = requestLine[2] == "HTTP/1.1"
        let head = HTTPRequest.Head(
            method: String(requestLine[0]), path: path, query: query, headers: headers, isNew: isNew,
            isPersistent: isNew ? !connection.contains("close") : connection.contains("keep-alive"))
        guard !isNew || headers.count(where: { $0.name == "host" }) == 1 else {
            throw HTTPError(.badRequest, "HTTP/1.1 needs one Host header")
        }
        return head
    }

    private static func header(_ line: Substring) throws -> (name: String, value: String) {
        guard let colon = line.firstIndex(of: ":"), isToken(line[..<colon]) else {
            throw HTTPError(.badRequest, "a header is not NAME: VALUE")
        }
        let value = trimmed(line[line.index(after: colon)...])
        guard !value.unicodeScalars.contains(where: { $0.value < 32 && $0 != "\t" }) else {
            throw HTTPError(.badRequest, "a header holds control characters")
        }
        return (line[..<colon].lowercased(), value)
    }

    /// Origin form, or the absolute form that is meant for proxies.
    private static func target(_ text: Substring) throws -> (path: String, query: [(name: String, value: String)]) {
        var text = text
        if text == "*" { return ("*", []) }
        if let scheme = text.firstRange(of: "://"), !text.hasPrefix("/") {
            let rest = text[scheme.upperBound...]
            text = rest.firstIndex(where: { $0 == "/" || $0 == "?" }).map { rest[$0...] } ?? "/"
            if text.hasPrefix("?") { text = "/" + text }
        }
        guard text.hasPrefix("/") else { throw HTTPError(.badRequest, "the target is not a path") }
        let parts = text.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let query = parts.count < 2 ? [] : try parts[1].split(separator: "&").map(field)
        return (try decoded(parts[0], plusIsSpace: false), query)
    }

    private static func field(_ text: Substring) throws -> (name: String, value: String) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        return (
            try decoded(parts[0], plusIsSpace: true), parts.count < 2 ? "" : try decoded(parts[1], plusIsSpace: true)
        )
    }

    /// Resolves `%41`, and in a query `+`.
    private static func decoded(_ text: Substring, plusIsSpace: Bool) throws -> String {
        var bytes: [UInt8] = []
        var rest = text.unicodeScalars[...]
        while let next = rest.popFirst() {
            switch next {
            case "%":
                let digits = String(rest.prefix(2))
                guard digits.unicodeScalars.count == 2, digits.allSatisfy(\.isHexDigit),
                    let byte = UInt8(digits, radix: 16)
                else {
                    throw HTTPError(.badRequest, "the target has a % that isn't followed by two hexadecimal digits")
                }
                bytes.append(byte)
                rest = rest.dropFirst(2)
            case "+" where plusIsSpace: bytes.append(0x20)
            // Latin-1 holds the bytes as they came.
            default: bytes.append(UInt8(truncatingIfNeeded: next.value))
            }
        }
        guard let text = String(validating: bytes, as: UTF8.self), !bytes.contains(0) else {
            throw HTTPError(.badRequest, "the target is not UTF-8")
        }
        return text
    }

    /// A token of RFC 9110.
    private static func isToken(_ text: Substring) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy {
                switch $0 {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "!#$%&'*+-.^_`|~".utf8.contains($0)
                }
            }
    }
}

/// Without the spaces and tabs around it.
func trimmed(_ text: Substring) -> String {
    let isBlank = { (character: Character) in character == " " || character == "\t" }
    var text = text.drop(while: isBlank)
    while text.last.map(isBlank) == true { text.removeLast() }
    return String(text)
}
