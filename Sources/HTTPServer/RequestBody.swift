import Synchronization

/// How much of requests' bodies may be held.
struct BodyLimits: Sendable {
    /// Of one request.
    let byteLimit: Int
    /// Of all that are read or answered.
    let budget: ByteBudget
}

/// Bytes that all requests share.
public final class ByteBudget: Sendable {
    private let rest: Mutex<Int>

    public init(_ byteCount: Int) {
        rest = Mutex(byteCount)
    }

    /// - Returns: whether there were so many left.
    func take(_ count: Int) -> Bool {
        rest.withLock { rest in
            guard rest >= count else { return false }
            rest -= count
            return true
        }
    }

    func giveBack(_ count: Int) { rest.withLock { $0 += count } }
}

/// A part of the budget, given back at the end.
public struct ByteShare: ~Copyable {
    private let budget: ByteBudget
    private var count = 0

    public init(of budget: ByteBudget) {
        self.budget = budget
    }

    deinit {
        budget.giveBack(count)
    }

    /// - Throws: `HTTPError` 503 when others have it.
    public mutating func grow(by more: Int) throws {
        guard budget.take(more) else {
            throw HTTPError(
                .serviceUnavailable, "other requests hold all of the memory that there is for audio; try again",
                headers: [("Retry-After", "5")])
        }
        count += more
    }
}

extension Connection {
    /// Reads a request's body (RFC 9112, section 6).
    /// - Throws: `HTTPError` for one that is too large, or whose length could be read in two ways; `Failure`.
    mutating func readBody(_ head: HTTPRequest.Head, _ limits: BodyLimits, _ share: inout ByteShare) throws -> [UInt8] {
        let lengths = Set(head.headers.filter { $0.name == "content-length" }.map(\.value))
        let tooLarge = HTTPError(
            .contentTooLarge, "more than the \(limits.byteLimit >> 20) MB that a request may have here")
        var bytes: [UInt8] = []
        if let coding = head.header("transfer-encoding") {
            guard lengths.isEmpty else { throw HTTPError(.badRequest, "Content-Length beside Transfer-Encoding") }
            guard coding.lowercased() == "chunked" else {
                throw HTTPError(.notImplemented, "Transfer-Encoding: only chunked is understood")
            }
            try proceed(head)
            while let count = try readChunkSize() {
                guard count <= limits.byteLimit - bytes.count else { throw tooLarge }
                try share.grow(by: count)
                try read(count: count, into: &bytes)
                guard try readLine().isEmpty else { throw HTTPError(.badRequest, "a chunk is longer than its size") }
            }
            // Trailers.
            while try !readLine().isEmpty {}
        } else if let length = lengths.first {
            guard lengths.count == 1, !length.isEmpty, length.utf8.allSatisfy({ (48...57).contains($0) }) else {
                throw HTTPError(.badRequest, "Content-Length is not a number")
            }
            guard let count = Int(length), count <= limits.byteLimit else { throw tooLarge }
            try share.grow(by: count)
            if count > 0 { try proceed(head) }
            bytes.reserveCapacity(count)
            try read(count: count, into: &bytes)
        }
        return bytes
    }

    /// Tells a client that waits for it to send the body.
    private mutating func proceed(_ head: HTTPRequest.Head) throws {
        guard head.isNew, head.header("expect")?.lowercased() == "100-continue" else { return }
        try write(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))
    }

    /// Nil for the last one.
    private mutating func readChunkSize() throws -> Int? {
        let digits = try readLine().prefix { $0 != UInt8(ascii: ";") }
        let text = trimmed(String(decoding: digits, as: UTF8.self)[...])
        guard !text.isEmpty, text.allSatisfy(\.isHexDigit), let count = Int(text, radix: 16) else {
            throw HTTPError(.badRequest, "a chunk's size is not a number")
        }
        return count == 0 ? nil : count
    }
}
