import Glibc

extension HTTPResponse {
    /// As the client gets it.
    /// - Parameters:
    ///   - isLast: whether the connection ends after it.
    ///   - hasBody: false for the answer to HEAD, which tells the length alone.
    func bytes(isLast: Bool, hasBody: Bool) -> [UInt8] {
        var lines = ["HTTP/1.1 \(status.rawValue) \(status.reason)", "Date: \(Self.date())"]
        if status != .noContent {
            lines += ["Content-Type: \(contentType)", "Content-Length: \(body.count)"]
        }
        lines += headers.map { "\($0.name): \(Self.singleLine($0.value))" }
        lines.append("Connection: \(isLast ? "close" : "keep-alive")")
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + (hasBody ? body : [])
    }

    /// What a browser asks before a page of another site may ask.
    static func preflight(_ head: HTTPRequest.Head) -> HTTPResponse {
        HTTPResponse(
            .noContent, contentType: "",
            headers: [
                ("Access-Control-Allow-Methods", "GET, POST"), ("Access-Control-Max-Age", "86400"),
                ("Access-Control-Allow-Headers", head.header("access-control-request-headers") ?? "Content-Type"),
            ], body: [])
    }

    /// A header can't hold a line's end.
    private static func singleLine(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 32 ? " " : $0 }))
    }

    /// IMF-fixdate of RFC 9110.
    private static func date() -> String {
        var (now, parts) = (time(nil), tm())
        gmtime_r(&now, &parts)
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return "\(days[Int(parts.tm_wday)]), \(two(parts.tm_mday)) \(months[Int(parts.tm_mon)])"
            + " \(1900 + parts.tm_year) \(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) GMT"
    }
}
