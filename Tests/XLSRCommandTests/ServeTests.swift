import Dispatch
import FoundationEssentials
import Glibc
import HTTPClient
import Synchronization
import TensorEngine
import Testing
import XLSR

/// An `xlsr serve` on a port of its own.
private final class Service: Sendable {
    private struct State {
        var output = ""
        var status: Int32?
    }

    private let state = Mutex(State())
    private let isListening = DispatchSemaphore(value: 0)
    private let ended = DispatchGroup()

    init(_ arguments: [String]) throws {
        // Tests may be started with signals ignored, which programs keep so.
        let script =
            [
                "-c", "echo $$; exec env --default-signal=INT,TERM \"$0\" serve --port 0 \"$@\" 2>&1",
                programFolder() + "/xlsr",
            ]
            + arguments
        DispatchQueue(label: "service").async(group: ended) { [self] in
            let process = try? Subprocess.run("/bin/sh", script, standardInput: nil) { bytes in
                let isReady = state.withLock { state in
                    state.output += String(decoding: bytes, as: UTF8.self)
                    return state.output.contains("/\n")
                }
                if isReady { isListening.signal() }
            }
            state.withLock { $0.status = process?.exitStatus }
            isListening.signal()
        }
        _ = isListening.wait(timeout: .now() + .seconds(60))
        try #require(port > 0, "\(output)")
    }

    /// Standard error, after a line with the process's number.
    var output: String { state.withLock(\.output) }

    var port: UInt16 {
        let line = output.split(separator: "\n").first { $0.contains("http://") }
        return line.flatMap { UInt16($0.split { !$0.isNumber }.last ?? "") } ?? 0
    }

    /// - Returns: the exit status.
    func end(by signal: Int32 = SIGTERM) -> Int32? {
        if let process = output.split(separator: "\n").first.flatMap({ Int32($0) }) { kill(process, signal) }
        #expect(ended.wait(timeout: .now() + .seconds(60)) == .success)
        return state.withLock(\.status)
    }

    struct Answer {
        let status: Int
        let type: String
        let body: String

        var json: JSON { get throws { try JSON(parsing: body.utf8, path: "answer") } }
        var error: String { (try? json["error"]?["message"]?.string) ?? "" }
    }

    func ask(_ method: String, _ target: String, type: String = "audio/wav", _ body: [UInt8] = []) throws -> Answer {
        let client = try HTTPClient(port: port)
        client.send(
            "\(method) \(target) HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Type: \(type)\r\n"
                + "Content-Length: \(body.count)\r\n\r\n")
        client.send(body)
        let answer = client.receiveAll()
        let end = try #require(answer.firstRange(of: "\r\n\r\n"))
        let lines = answer[..<end.lowerBound].split(separator: "\r\n")
        let status = try #require(lines.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) })
        let kind = lines.first { $0.hasPrefix("Content-Type: ") }?.dropFirst("Content-Type: ".count) ?? ""
        return Answer(status: status, type: String(kind), body: String(answer[end.upperBound...]))
    }

    func ask(_ target: String, form fields: [(String, String)], audio: [UInt8]?) throws -> Answer {
        var body: [UInt8] = []
        for (name, value) in fields {
            body += Array("--xx\r\nContent-Disposition: form-data; name=\"\(name)\"\r\n\r\n\(value)\r\n".utf8)
        }
        if let audio {
            let head = "--xx\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\n"
            body += Array(head.utf8) + audio + [13, 10]
        }
        return try ask("POST", target, type: "multipart/form-data; boundary=xx", body + Array("--xx--\r\n".utf8))
    }
}

/// The service's answers of one kind of model, and that it ends well.
private func withService(_ arguments: String..., body: (Service) throws -> Void) throws {
    let service = try Service(arguments)
    defer { #expect(service.end() == 0) }
    try body(service)
}

@Suite(.timeLimit(.minutes(3))) struct ServeTests {
    private let transcriptions = "/v1/audio/transcriptions"

    private func audio(_ index: Int = 0) throws -> [UInt8] {
        try withTemporaryFolder { folder in
            try writeRecording(index, to: folder + "/a.wav")
            return Array(try Data(contentsOf: URL(filePath: folder + "/a.wav")))
        }
    }

    /// What `xlsr run` writes of the same audio.
    private func run(_ arguments: String...) throws -> CommandRun {
        try withTemporaryFolder { folder in
            try writeRecording(to: folder + "/a.wav")
            return try runProgram(programFolder() + "/xlsr", ["run"] + arguments + [folder + "/a.wav"])
        }
    }

    @Test func answersAreWhatRunWrites() throws {
        try withService { service in
            let audio = try audio()
            let text = try service.ask("POST", "/run", audio)
            #expect(try text.status == 200 && text.body == expectedText() + "\n")
            #expect(text.type == "text/plain; charset=utf-8")
            for (format, type) in [("srt", "text/plain"), ("vtt", "text/vtt"), ("tsv", "text/tab-separated-values")] {
                let answer = try service.ask("POST", "/run?format=\(format)&line_length=5", audio)
                #expect(try answer.body == run("--format", format, "--line-length", "5").text)
                #expect(answer.type == type + "; charset=utf-8")
            }
            let json = try service.ask("/run", form: [("format", "json"), ("timestamps", "char")], audio: audio)
            let object = try json.json
            #expect(try object["text"]?.string == expectedText() && object["audio"]?.string == "a.wav")
            #expect(object["characters"]?.array?.isEmpty == false && json.type == "application/json")
            let tensors = try service.ask("POST", "/run?task=logits", audio)
            #expect(tensors.status == 200 && tensors.type == "application/octet-stream")
            let aligned = try service.ask("/run", form: [("text", "three one four")], audio: audio)
            #expect(
                aligned.body.split(separator: "\n").map { $0.split(separator: " ").last } == ["three", "one", "four"])
        }
    }

    @Test func clientsOfOpenAIAreUnderstood() throws {
        try withService { service in
            let audio = try audio()
            let expected = try expectedText()
            let fields = [("model", "whisper-1"), ("language", "en"), ("temperature", "0")]
            let json = try service.ask(transcriptions, form: fields, audio: audio)
            #expect(try json.json["text"]?.string == expected && json.type == "application/json")
            let text = try service.ask(transcriptions, form: fields + [("response_format", "text")], audio: audio)
            #expect(text.body == expected + "\n")
            let verbose = try service.ask(
                transcriptions,
                form: [("response_format", "verbose_json"), ("timestamp_granularities[]", "word")]
                    + [("timestamp_granularities[]", "segment")], audio: audio
            ).json
            let words = try #require(verbose["words"]?.array)
            #expect(words.compactMap { $0["word"]?.string }.joined(separator: " ") == expected)
            #expect(words.allSatisfy { ($0["start"]?.double ?? 9) < ($0["end"]?.double ?? 0) })
            let segment = try #require(verbose["segments"]?.array?.first)
            #expect(segment["text"]?.string == expected && segment["id"]?.int == 0)
            #expect((segment["avg_logprob"]?.double ?? 1) <= 0 && verbose["task"]?.string == "transcribe")
            let plain = try service.ask(transcriptions, form: [("response_format", "verbose_json")], audio: audio).json
            #expect(plain["words"] == nil && plain["segments"]?.array?.count == 1)
            let events = try service.ask(transcriptions, form: fields + [("stream", "true")], audio: audio)
            #expect(events.type == "text/event-stream" && events.body.contains("\n\ndata: {\"text\":\"\(expected)\""))
            #expect(try service.ask("GET", "/v1/models").json["data"]?.array?.first?["id"]?.string == "demo")
            #expect(try service.ask(transcriptions, form: [("response_format", "x")], audio: audio).status == 400)
            #expect(
                try service.ask(transcriptions, form: [("timestamp_granularities[]", "x")], audio: audio).status == 400)
        }
    }

    @Test func errorsSayWhatToDoInTheWordsOfRequests() throws {
        try withService("--request-seconds", "5") { service in
            let audio = try audio()
            let cases: [(target: String, body: [UInt8], status: Int, words: String)] = [
                ("/run", [], 400, "no audio: send it as the body"),
                ("/run?fromat=srt", audio, 400, "unknown field fromat; did you mean format?"),
                ("/run?format=", audio, 400, "format needs a value"),
                ("/run?format=docx", audio, 400, "format: 'docx' is not one of text, json"),
                ("/run?timestamps=word", audio, 400, "timestamps needs format json"),
                ("/run?top_k=3", audio, 400, "top_k needs task classify"),
                ("/run?output=/tmp/x", audio, 400, "unknown field output"),
                ("/run?language=de", audio, 400, "demo hears one language only"),
                ("/run?task=translate", audio, 400, "no text decoder"),
                ("/run", Array("hello".utf8), 400, "audio:"),
                ("/run", Array("#EXTM3U\nfile:/etc/passwd\n".utf8), 400, "audio:"),
                ("/run", Array(audio.prefix(60)), 400, "audio:"),
                ("/v1/audio/translations", audio, 400, "no text decoder"),
                ("/run?language=auto", audio, 400, "nothing here finds a language out"),
                (
                    "/v1/audio/transcriptions?response_format=lrc", audio, 400,
                    "response_format: 'lrc' is not one of json"
                ),
                ("/run?task=features&text=x", audio, 400, "a text is aligned"),
            ]
            for (target, body, status, words) in cases {
                let answer = try service.ask("POST", target, body)
                #expect(answer.status == status && answer.error.contains(words), "\(target): \(answer.body)")
            }
            #expect(try service.ask("/run", form: [], audio: nil).error.contains("no field file"))
            #expect(try service.ask("/run", form: [("text", "ß")], audio: audio).status == 400)
            #expect(try service.ask("GET", "/nowhere").status == 404)
            #expect(try service.ask("GET", "/run").status == 405)
            let long = try withTemporaryFolder { folder in
                try writeClip(
                    AudioClip(samples: [Float](repeating: 0, count: 5001), sampleRate: 1000), to: folder + "/a.wav")
                return Array(try Data(contentsOf: URL(filePath: folder + "/a.wav")))
            }
            #expect(try service.ask("POST", "/run", long).status == 413)
            // It goes on.
            #expect(try service.ask("POST", "/run", audio).body == expectedText() + "\n")
        }
    }

    @Test func requestsAtTheSameTimeShareTheModel() throws {
        try withService("--verbose") { service in
            let audio = try (0..<3).map { try self.audio($0) }
            let texts = try (0..<3).map { try expectedText($0) }
            DispatchQueue.concurrentPerform(iterations: 24) { index in
                #expect(throws: Never.self) {
                    let answer = try service.ask("POST", "/run", audio[index % 3])
                    #expect(answer.body == texts[index % 3] + "\n")
                }
            }
            #expect(try service.ask("GET", "/health").json["task"]?.string == "transcribe")
            #expect(service.output.contains("POST /run 200, "))
        }
    }

    @Test func aLanguageThatIsNamedNeedNotBeFoundOut() throws {
        let model = goldensFolder + "/language-adapters"
        let expected = try run("--model", model, "--language", "deu").text
        for extra in [[], ["--language", "auto", "--lid", goldensFolder + "/language-classifier"]] {
            let service = try Service(["--model", model] + extra)
            defer { #expect(service.end() == 0) }
            for language in ["deu", "de", "de_DE"] {
                #expect(try service.ask("POST", "/run?language=\(language)", audio()).body == expected)
            }
            let json = try service.ask(transcriptions, form: [("language", "German")], audio: audio()).json
            #expect(json["language"]?.string == "deu" && json["language_probability"] == nil)
            let found = try service.ask("POST", "/run?format=json", audio()).json
            #expect((found["language_probability"] != nil) == !extra.isEmpty)
            #expect(try service.ask("POST", "/run?language=xx", audio()).error.contains("no adapter for 'xx'"))
        }
    }

    @Test func messagesThatNobodyReadsEndNothing() throws {
        // Standard error is closed, or its reader goes away.
        for redirection in ["2>&-", "2> >(head -1 >/dev/null)"] {
            let script = """
                env --default-signal=TERM "$0" serve --port $1 \(redirection) & server=$!
                for i in $(seq 200); do (exec 3<>/dev/tcp/127.0.0.1/$1) 2>/dev/null && break; sleep 0.05; done
                for i in 1 2 3; do
                  exec 3<>/dev/tcp/127.0.0.1/$1
                  printf 'GET /health HTTP/1.0\\r\\n\\r\\n' >&3; head -1 <&3
                done
                kill -TERM $server; wait $server; echo $?
                """
            let port = "\(Int.random(in: 20_000..<30_000))"
            let run = try runProgram("/bin/bash", ["-c", script, programFolder() + "/xlsr", port])
            #expect(run.text == String(repeating: "HTTP/1.1 200 OK\r\n", count: 3) + "0\n")
        }
    }

    @Test func heads() throws {
        for (golden, task, field) in [("classifier", "classify", "labels"), ("xvector", "embed", "embedding")] {
            try withService("--model", goldensFolder + "/" + golden) { service in
                let json = try service.ask("POST", "/run?format=json", audio()).json
                #expect(json[field]?.array?.isEmpty == false)
                #expect(try service.ask("GET", "/health").json["task"]?.string == task)
            }
        }
    }

    @Test func translations() throws {
        let model = goldensFolder + "/../Fixtures/translation/plain"
        try withService("--model", model) { service in
            for language in ["de", "fr"] {
                let expected = try run("--model", model, "--language", language).text
                let asked = [("language", language), ("response_format", "text")]
                #expect(try service.ask("/v1/audio/translations", form: asked, audio: audio()).body == expected)
                #expect(try service.ask("POST", "/run?language=\(language)", audio()).body == expected)
            }
        }
    }

    @Test func signalsEndItWhenWhatHadBegunIsAnswered() throws {
        for signal in [SIGINT, SIGTERM] {
            let service = try Service([])
            let client = try HTTPClient(port: service.port)
            client.send("GET /health HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(client.receive(until: "}").hasPrefix("HTTP/1.1 200 "))
            #expect(service.end(by: signal) == 0)
            #expect(client.receiveAll() == "\n")
        }
    }

    @Test(arguments: [
        ["--port", "70000"], ["--port", "x"], ["--request-megabytes", "0"], ["a.wav"], ["--format", "srt"],
        ["--output", "x"], ["--allow-origin", "foo"], ["--allow-origin", "https://a/"], ["--request-seconds", "0"],
    ])
    func whatItHasNoUseForIsRefused(arguments: [String]) throws {
        let run = try runProgram(programFolder() + "/xlsr", ["serve"] + arguments)
        #expect(run.status == 2 && run.errorLines.count == 1)
    }
}
