import HTTPServer
import Testing

@Suite struct MultipartFormTests {
    private func form(
        _ body: [UInt8], type: String = "multipart/form-data; boundary=\"a b\""
    ) throws -> MultipartForm? {
        let head = try RequestHeadParser.head(of: Array("POST / HTTP/1.1\r\nHost: h\r\nContent-Type: \(type)".utf8))
        return try MultipartForm(HTTPRequest(head: head, body: body))
    }

    private let body =
        Array(
            "preamble\r\n--a b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a \\\"b\\\".wav\"\r\n".utf8)
        + Array("Content-Type: audio/wav\r\n\r\n".utf8) + [13, 10, 45, 45, 0, 255, 13, 10]
        + Array("\r\n--a b\r\ncontent-disposition: form-data; name=empty\r\n\r\n\r\n--a b\r\n".utf8)
        + Array("Content-Disposition: form-data; x; name=\"ü\"\r\n\r\nw\u{308}\r\n--a b--\r\nepilogue".utf8)

    @Test func partsAreWhatWasSent() throws {
        let parts = try #require(try form(body)).parts
        #expect(parts.map(\.name) == ["file", "empty", "ü"])
        #expect(parts.map(\.fileName) == ["a \"b\".wav", nil, nil])
        #expect(parts.map { Array($0.content) } == [[13, 10, 45, 45, 0, 255, 13, 10], [], Array("w\u{308}".utf8)])
    }

    @Test func whatOnlyLooksLikeADelimiterIsContent() throws {
        let content = "x--a b--\r\n--a bc\r\n--a b \t.\r\n\r\n-- a b\r\n"
        let head = "Content-Disposition: form-data; name=f\r\n\r\n"
        let body = "preamble --a b\r\n--a bx\r\n--a b \t\r\n\(head)\(content)\r\n--a b--"
        let form = try form(Array(body.utf8))
        #expect(form?.parts.map { String(decoding: $0.content, as: UTF8.self) } == [content])
    }

    @Test func otherBodiesAreNoForms() throws {
        #expect(try form([1, 2], type: "audio/wav") == nil)
        #expect(try form([], type: "application/x-www-form-urlencoded") == nil)
    }

    @Test func aFormWithoutBoundaryIsRefused() {
        #expect(throws: HTTPError.self) { try form(body, type: "multipart/form-data") }
        #expect(throws: HTTPError.self) { try form(body, type: "multipart/form-data; boundary=") }
    }

    /// Cut anywhere, a form is an error.
    @Test func cutFormsAreRefused() {
        let end = body.count - "--\r\nepilogue".utf8.count
        for count in 0..<end {
            #expect(throws: HTTPError.self) { try form(Array(body[..<count])) }
        }
    }

    @Test func brokenFormsCrashNothing() {
        for index in body.indices {
            for byte: UInt8 in [0, 10, 13, 34, 45, 59, 61, 92, 255] {
                var body = body
                body[index] = byte
                _ = try? form(body)
            }
        }
    }
}
