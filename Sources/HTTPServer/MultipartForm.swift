import Glibc

/// A form with files, as browsers and `curl -F` send it: `multipart/form-data` (RFC 7578).
public struct MultipartForm: Sendable {
    public struct Part: Sendable {
        public let name: String
        /// Of a file, as the client calls it.
        public let fileName: String?
        public let content: ArraySlice<UInt8>
    }

    /// Of a part's headers: more than any client sends.
    private static let headByteLimit = 1 << 13

    public let parts: [Part]

    /// - Returns: nil when the body isn't such a form.
    /// - Throws: `HTTPError` 400 for a form that is broken.
    public init?(_ request: HTTPRequest) throws {
        guard let type = request.head.header("content-type"),
            type.lowercased().hasPrefix("multipart/form-data")
        else { return nil }
        guard let boundary = HeaderParameters(type)["boundary"], !boundary.isEmpty, boundary.utf8.count <= 70 else {
            throw HTTPError(.badRequest, "multipart/form-data without a boundary")
        }
        parts = try Self.parts(of: request.body, boundary: boundary)
    }

    private static func parts(of body: [UInt8], boundary: String) throws -> [Part] {
        let (delimiter, broken) = (Array("--\(boundary)".utf8), HTTPError(.badRequest, "the form is cut or broken"))
        var parts: [Part] = []
        guard let first = nextContent(of: body, from: 0, delimiter) else { throw broken }
        var content = first.content
        while let start = content {
            guard let next = nextContent(of: body, from: start - 2, delimiter) else { throw broken }
            parts.append(try part(body[start..<max(start, next.end)]))
            content = next.content
        }
        return parts
    }

    /// The next line that is a delimiter: where what is before it ends, and where the part after it begins; nil after
    /// the last one.
    private static func nextContent(
        of body: [UInt8], from start: Int, _ delimiter: [UInt8]
    ) -> (end: Int, content: Int?)? {
        var rest = body[start...]
        while let found = range(of: delimiter, in: rest) {
            rest = body[found.upperBound...]
            let end = found.lowerBound - 2
            guard found.lowerBound == 0 || end >= start && body[end..<found.lowerBound].elementsEqual([13, 10]) else {
                continue
            }
            if rest.starts(with: "--".utf8) { return (end, nil) }
            let line = rest.drop { $0 == 32 || $0 == 9 }
            if line.starts(with: [13, 10]) { return (end, line.startIndex + 2) }
        }
        return nil
    }

    private static func part(_ bytes: ArraySlice<UInt8>) throws -> Part {
        guard let blank = range(of: Array("\r\n\r\n".utf8), in: bytes.prefix(headByteLimit)) else {
            throw HTTPError(
                .badRequest, "a part of the form has no headers, or more than \(headByteLimit) bytes of them")
        }
        let lines = String(decoding: bytes[..<blank.lowerBound], as: UTF8.self).split(separator: "\r\n")
        guard let line = lines.first(where: { $0.lowercased().hasPrefix("content-disposition:") }),
            let name = HeaderParameters(String(line))["name"]
        else { throw HTTPError(.badRequest, "a part of the form has no name") }
        return Part(
            name: name, fileName: HeaderParameters(String(line))["filename"], content: bytes[blank.upperBound...])
    }

    private static func range(of needle: [UInt8], in haystack: ArraySlice<UInt8>) -> Range<Int>? {
        haystack.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return nil }
            var start = 0
            // memchr is many times faster than a loop here.
            while start + needle.count <= bytes.count,
                let found = memchr(base + start, Int32(needle[0]), bytes.count - start - needle.count + 1)
            {
                start = UnsafeRawPointer(found) - base
                if memcmp(found, needle, needle.count) == 0 {
                    return haystack.startIndex + start..<haystack.startIndex + start + needle.count
                }
                start += 1
            }
            return nil
        }
    }
}

/// What follows a header's value: `; name=value; name="value"`.
struct HeaderParameters {
    private var values: [String: String] = [:]

    init(_ header: String) {
        var rest = header.drop { $0 != ";" }.dropFirst()
        while !rest.isEmpty {
            let name = trimmed(rest.prefix { $0 != "=" && $0 != ";" }).lowercased()
            rest = rest.drop { $0 != "=" && $0 != ";" }
            var value = ""
            if rest.first == "=" {
                rest = rest.dropFirst().drop { $0 == " " }
                if rest.first == "\"" {
                    rest = rest.dropFirst()
                    while let next = rest.popFirst(), next != "\"" {
                        value.append(next == "\\" ? rest.popFirst() ?? next : next)
                    }
                    rest = rest.drop { $0 != ";" }
                } else {
                    value = trimmed(rest.prefix { $0 != ";" })
                    rest = rest.drop { $0 != ";" }
                }
            }
            values[name] = values[name] ?? value
            rest = rest.dropFirst()
        }
    }

    subscript(name: String) -> String? { values[name] }
}
