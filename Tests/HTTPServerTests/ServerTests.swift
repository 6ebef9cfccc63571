import Glibc
import HTTPClient
import HTTPServer
import Testing

@Suite(.timeLimit(.minutes(2))) struct ServerTests {
    private let get = "GET /a HTTP/1.1\r\nHost: h\r\n"

    @Test func oneConnectionServesSeveralRequests() throws {
        try withServer { server in
            let client = try server.connect()
            client.send(get + "\r\n")
            let first = client.receive(until: "GET /a ")
            #expect(first.hasPrefix("HTTP/1.1 200 OK\r\n") && first.contains("\r\nConnection: keep-alive\r\n"))
            #expect(first.contains("\r\nContent-Length: 7\r\nConnection") && first.contains(" GMT\r\n"))
            // The next two at once, and empty lines between.
            client.send(
                "\r\nPOST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nxyz" + get + "Connection: close\r\n\r\n")
            let rest = client.receiveAll()
            #expect(rest.contains("POST /b xyzHTTP/1.1 200") && rest.hasSuffix("Connection: close\r\n\r\nGET /a "))
        }
    }

    @Test func bodiesComeInEveryForm() throws {
        try withServer { server in
            let chunked = "POST /c HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
            let answer = try server.answer(to: chunked + "3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n")
            #expect(answer.hasSuffix("POST /c abc0123456789"))

            let client = try server.connect()
            client.send("POST /e HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
            #expect(client.receive(until: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
            client.send("ok")
            #expect(client.receive(until: "POST /e ok").hasPrefix("HTTP/1.1 200 OK"))

            #expect(try server.answer(to: "GET /old HTTP/1.0\r\n\r\n").hasSuffix("GET /old "))
            let head = try server.answer(to: "HEAD /h HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            #expect(head.contains("\r\nContent-Length: 8\r\n") && head.hasSuffix("\r\n\r\n"))
            let none = try server.answer(to: "HEAD /none HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(none.hasPrefix("HTTP/1.1 404 ") && none.hasSuffix("\r\n\r\n"))
            let bytes = (0..<50_000).map { _ in "1\r\nx\r\n" }.joined()
            let small = try server.answer(to: chunked + bytes + "0\r\n\r\n")
            #expect(small.hasSuffix("POST /c " + String(repeating: "x", count: 50_000)))
            let long = String(repeating: "x", count: 3_000_000)
            let post = "POST /l HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: \(long.count)\r\n\r\n"
            #expect(try server.answer(to: post + long).hasSuffix("POST /l " + long))
        }
    }

    @Test(arguments: [
        ("x\r\n\r\n", 400), ("GET /none HTTP/1.1\r\nHost: h\r\n\r\n", 404),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1x\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n", 413),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1 0\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r0\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\n", 413),
        ("GET / HTTP/1.1\r\nHost: h\r\nX: " + String(repeating: "x", count: 1 << 17) + "\r\n\r\n", 431),
    ])
    func whatCantBeAnsweredIsTold(request: String, status: Int) throws {
        try withServer { server in
            let answer = try server.answer(to: request)
            #expect(answer.hasPrefix("HTTP/1.1 \(status) ") && answer.contains("\r\nConnection: close\r\n"))
            // Others are served on.
            #expect(try server.answer(to: "GET /a HTTP/1.0\r\n\r\n").hasSuffix("GET /a "))
        }
    }

    @Test func whoSendsTooMuchStillGetsTheAnswer() throws {
        var options = HTTPServer.Options()
        options.bodyByteLimit = 1 << 20
        try withServer(Echo(), options) { server in
            let body = String(repeating: "x", count: 5 << 20)
            let answer = try server.answer(
                to: "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: \(body.count)\r\n\r\n" + body)
            #expect(
                answer.hasPrefix("HTTP/1.1 413 ") && answer.hasSuffix("more than the 1 MB that a request may have here")
            )
        }
    }

    @Test func memoryForBodiesIsShared() throws {
        var options = HTTPServer.Options()
        options.totalByteLimit = 10
        let echo = Echo()
        try withServer(echo, options) { server in
            let post = { (path: String, count: Int) in
                "POST \(path) HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: \(count)\r\n\r\n"
                    + String(repeating: "x", count: count)
            }
            let first = try server.connect()
            first.send(post("/wait", 6))
            #expect(echo.begun.wait())
            let refused = try server.answer(to: post("/", 5))
            #expect(refused.hasPrefix("HTTP/1.1 503 ") && refused.contains("\r\nRetry-After: 5\r\n"))
            #expect(try server.answer(to: post("/", 4)).hasPrefix("HTTP/1.1 200 "))
            echo.goOn.open()
            #expect(first.receiveAll().hasSuffix("POST /wait xxxxxx"))
            #expect(try server.answer(to: post("/", 10)).hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test func connectionsAreLimited() throws {
        var options = HTTPServer.Options()
        options.connectionLimit = 2
        try withServer(Echo(), options) { server in
            let clients = try (0..<2).map { _ in try server.connect() }
            for client in clients {
                client.send(get + "\r\n")
                #expect(client.receive(until: "GET /a ").hasPrefix("HTTP/1.1 200 "))
            }
            #expect(try server.answer(to: get + "\r\n").hasPrefix("HTTP/1.1 503 "))
            for client in clients { client.end() }
            // Theirs are over soon.
            var answer = ""
            for _ in 0..<1000 where !answer.hasPrefix("HTTP/1.1 200 ") {
                answer = try server.answer(to: get + "Connection: close\r\n\r\n")
            }
            #expect(answer.hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test func aClientThatGoesAwayIsNoticed() throws {
        let echo = Echo()
        try withServer(echo) { server in
            do {
                let client = try server.connect()
                client.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n")
                #expect(echo.begun.wait())
            }
            #expect(echo.abandoned.wait())
            echo.goOn.open()
            #expect(try server.answer(to: "GET /a HTTP/1.0\r\n\r\n").hasSuffix("GET /a "))
        }
    }

    @Test func stoppingAnswersWhatHasBegun() throws {
        let echo = Echo()
        try withServer(echo) { server in
            let (idle, busy) = (try server.connect(), try server.connect())
            idle.send(get + "\r\n")
            _ = idle.receive(until: "GET /a ")
            busy.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(echo.begun.wait())
            server.beginStop()
            #expect(idle.receiveAll() == "")
            // A proxy may go to another server, as soon as the listening thread has seen it.
            var isRefused = false
            for _ in 0..<2000 where !isRefused {
                isRefused = (try? server.connect()) == nil
                usleep(1000)
            }
            #expect(isRefused)
            echo.goOn.open()
            let answer = busy.receiveAll()
            #expect(answer.contains("\r\nConnection: close\r\n") && answer.hasSuffix("GET /wait "))
            server.stop()
        }
    }

    @Test func whatIsNoMoreThanHalfARequestDelaysTheEndForSecondsOnly() throws {
        try withServer { server in
            let client = try server.connect()
            client.send(get)
            // Until it was read: another client's answer comes later.
            #expect(try server.answer(to: "GET /a HTTP/1.0\r\n\r\n").hasSuffix("GET /a "))
            server.stop()
            #expect(client.receiveAll() == "")
        }
    }

    @Test func otherSitesMayAskIfTheyAreAllowedTo() throws {
        let preflight = "OPTIONS /a HTTP/1.1\r\nHost: h\r\nOrigin: https://x\r\nConnection: close\r\n\r\n"
        try withServer { server in
            for request in [get + "Connection: close\r\n\r\n", preflight] {
                let answer = try server.answer(to: request)
                #expect(!answer.contains("Access-Control"))
            }
        }
        var options = HTTPServer.Options()
        options.allowedOrigin = "https://x"
        try withServer(Echo(), options) { server in
            // A body is no next request.
            let smuggled = preflight.replacing("\r\n\r\n", with: "\r\nContent-Length: \(get.utf8.count + 2)\r\n\r\n")
            let answers = try server.answer(
                to: smuggled.replacing("close", with: "keep-alive") + get + "\r\n" + "x\r\n\r\n")
            #expect(answers.hasPrefix("HTTP/1.1 204 ") && answers.contains("HTTP/1.1 400 "))
            #expect(!answers.contains("HTTP/1.1 200 "))
            let answer = try server.answer(to: preflight)
            #expect(
                answer.hasPrefix("HTTP/1.1 204 ") && answer.contains("\r\nAccess-Control-Allow-Origin: https://x\r\n"))
            #expect(
                try server.answer(to: get + "Connection: close\r\n\r\n").contains(
                    "\r\nAccess-Control-Allow-Origin: https://x\r\n"))
        }
    }

    @Test func aPortThatIsTakenIsAnError() throws {
        try withServer { server in
            let error = #expect(throws: ListenError.self) {
                try HTTPServer(host: "127.0.0.1", port: Int(server.port), responder: Echo())
            }
            #expect(error?.description == "127.0.0.1:\(server.port) can't be listened on: Address already in use")
        }
        #expect(throws: ListenError.self) { try HTTPServer(host: "no.such.host.invalid", port: 0, responder: Echo()) }
        #expect(throws: ListenError.self) { try HTTPServer(host: "192.0.2.1", port: 0, responder: Echo()) }
    }
}
