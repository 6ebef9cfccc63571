import HTTPServer
import Testing

@Suite struct RequestHeadTests {
    private func head(_ text: String) throws -> HTTPRequest.Head {
        try RequestHeadParser.head(of: Array(text.utf8))
    }

    @Test func aRequestIsReadWhole() throws {
        let head = try head("POST /a%20b/%C3%BC?x=1&name=a+b%26c&flag HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nx-a:  2 \t")
        #expect(head.method == "POST" && head.path == "/a b/ü")
        #expect(head.query.map(\.name) == ["x", "name", "flag"])
        #expect(head.query.map(\.value) == ["1", "a b&c", ""])
        #expect(head.header("x-a") == "1, 2" && head.header("none") == nil)
        #expect(try self.head("GET http://h:80/x?y HTTP/1.1\r\nHost: h").path == "/x")
        #expect(try self.head("GET http://h HTTP/1.1\r\nHost: h").path == "/")
        #expect(try self.head("GET /plus+plus HTTP/1.0").path == "/plus+plus")
        #expect(try self.head("GET /bare HTTP/1.1\nHost: h").path == "/bare")
    }

    @Test(arguments: [
        ("", 400), ("GET", 400), ("GET /", 400), ("GET / HTTP/1.1", 400), ("GET  / HTTP/1.1\r\nHost: h", 400),
        ("GET / HTTP/2.0\r\nHost: h", 505), ("GET / FTP/1.1\r\nHost: h", 400), ("G@T / HTTP/1.1\r\nHost: h", 400),
        ("GET x HTTP/1.1\r\nHost: h", 400), ("GET /%4 HTTP/1.1\r\nHost: h", 400), ("GET /%zz HTTP/1.1\r\nHost: h", 400),
        ("GET /%+1 HTTP/1.1\r\nHost: h", 400), ("GET /%ff HTTP/1.1\r\nHost: h", 400),
        ("GET /%00 HTTP/1.1\r\nHost: h", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b", 400), ("GET / HTTP/1.1\r\nHost : h", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\n folded", 400), ("GET / HTTP/1.1\r\nHost: h\r\nnothing", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nX: a\u{1}b", 400), ("GET / HTTP/1.1\r\nHost: h\r\n: x", 400),
    ])
    func whatIsNoRequestIsRefused(text: String, status: Int) {
        let error = #expect(throws: HTTPError.self) { try head(text) }
        #expect(error?.status.rawValue == status)
    }

    /// Each byte replaced by each of a few that matter to a parser: an error or a request, and no crash.
    @Test func brokenRequestsCrashNothing() {
        let bytes = Array("POST /a%20b?x=%41&y HTTP/1.1\r\nHost: h\r\nContent-Length: 1".utf8)
        var count = 0
        for index in bytes.indices {
            for byte: UInt8 in [0, 9, 10, 13, 32, 37, 38, 43, 47, 58, 61, 63, 128, 195, 255] {
                var bytes = bytes
                bytes[index] = byte
                count += (try? RequestHeadParser.head(of: bytes)) == nil ? 0 : 1
            }
        }
        #expect(count > 0)
    }
}
