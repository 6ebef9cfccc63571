import Glibc

/// A client's socket. Waits end when the time is over or, between requests, when the server stops.
struct Connection: ~Copyable {
    enum Failure: Error {
        /// The client went away, or sent nothing for too long.
        case gone, timeout
        /// The server stops, and no request had begun.
        case stopped
    }

    /// The longest that a client may be silent in the middle of something, and take for the headers of a request.
    static let patience = Duration.seconds(30)
    /// The longest that what is being sent takes when the server stops.
    static let haste = Duration.seconds(5)

    /// `POLLRDHUP`, which Swift's Glibc doesn't have.
    private static let hangUp: Int16 = 0x2000

    let socket: Int32
    /// Readable once the server stops.
    let stopped: Int32
    /// What has come and isn't read.
    private var buffer: ArraySlice<UInt8> = []
    /// When the connection ends at the latest, once the server has stopped.
    private var lastMoment: ContinuousClock.Instant?

    init(socket: Int32, stopped: Int32) {
        self.socket = socket
        self.stopped = stopped
    }

    deinit {
        close(socket)
    }

    /// The next request's bytes up to the empty line, without it; nil when the client has no more.
    /// - Throws: `HTTPError` 431 for more than any client sends; `Failure`.
    mutating func readHead() throws -> [UInt8]? {
        var (searched, end) = (0, ContinuousClock.Instant?.none)
        while true {
            // Empty lines before a request are left from the one before.
            if searched == 0 { buffer = buffer.drop { $0 == 13 || $0 == 10 } }
            if let range = headEnd(from: buffer.startIndex + max(0, searched - 3)) {
                defer { buffer = buffer[range.upperBound...] }
                return Array(buffer[..<range.lowerBound])
            }
            searched = buffer.count
            guard searched <= RequestHeadParser.byteLimit else {
                throw HTTPError(.headersTooLarge, "more than \(RequestHeadParser.byteLimit) bytes of headers")
            }
            if !buffer.isEmpty { end = end ?? .now + Self.patience }
            guard try fill(until: end, endsWhenStopped: buffer.isEmpty) else {
                if buffer.isEmpty { return nil }
                throw Failure.gone
            }
        }
    }

    /// LF LF or CR LF CR LF, of which the first ends the last header.
    private func headEnd(from start: Int) -> Range<Int>? {
        var index = start
        while index + 1 < buffer.endIndex {
            if buffer[index] == 10 {
                let next = buffer[index + 1] == 13 ? index + 2 : index + 1
                if next < buffer.endIndex, buffer[next] == 10 {
                    let hasReturn = index > buffer.startIndex && buffer[index - 1] == 13
                    return (hasReturn ? index - 1 : index)..<next + 1
                }
            }
            index += 1
        }
        return nil
    }

    /// - Throws: `Failure`.
    mutating func read(count: Int, into bytes: inout [UInt8]) throws {
        var missing = count
        while true {
            let taken = min(missing, buffer.count)
            bytes.append(contentsOf: buffer.prefix(taken))
            buffer = buffer.dropFirst(taken)
            missing -= taken
            if missing == 0 { return }
            guard try fill() else { throw Failure.gone }
        }
    }

    /// A line without its end, of a body in chunks.
    /// - Throws: `HTTPError` 400 for one that is too long; `Failure`.
    mutating func readLine() throws -> [UInt8] {
        while true {
            if let end = buffer.firstIndex(of: 10) {
                defer { buffer = buffer[(end + 1)...] }
                let line = buffer[..<end]
                return Array(line.last == 13 ? line.dropLast() : line)
            }
            guard buffer.count <= 4096 else { throw HTTPError(.badRequest, "a chunk's size is not a number") }
            guard try fill() else { throw Failure.gone }
        }
    }

    /// Waits for bytes.
    /// - Returns: whether any came before the client's end.
    private mutating func fill(
        until end: ContinuousClock.Instant? = nil, endsWhenStopped: Bool = false
    ) throws -> Bool {
        try wait(for: POLLIN, until: end ?? .now + Self.patience, endsWhenStopped: endsWhenStopped)
        let count = withUnsafeTemporaryAllocation(byteCount: 1 << 18, alignment: 16) { block in
            let count = recv(socket, block.baseAddress, block.count, 0)
            // A slice would keep what is read already.
            if count > 0 {
                buffer = buffer.isEmpty ? Array(block[..<count])[...] : Array(buffer + block[..<count])[...]
            }
            return count
        }
        guard count >= 0 else { throw Failure.gone }
        return count > 0
    }

    /// - Throws: `Failure`.
    mutating func write(_ bytes: [UInt8]) throws {
        var start = 0
        while start < bytes.count {
            try wait(for: POLLOUT, until: .now + Self.patience)
            let count = bytes[start...].withUnsafeBytes {
                send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count >= 0 || errno == EAGAIN || errno == EINTR else { throw Failure.gone }
            start += max(0, count)
        }
    }

    /// Whether the client has closed its side.
    var isAbandoned: Bool {
        var state = pollfd(fd: socket, events: Self.hangUp, revents: 0)
        return poll(&state, 1, 0) > 0
    }

    /// Ends the connection so that the client gets the answer although some of its request wasn't read: a close now
    /// would reset it.
    mutating func endUnread() {
        shutdown(socket, Int32(SHUT_WR))
        let end = ContinuousClock.now + Self.patience
        while true {
            buffer = []
            guard (try? fill(until: min(end, .now + .seconds(2)))) == true else { return }
        }
    }

    private mutating func wait(
        for events: Int32, until end: ContinuousClock.Instant, endsWhenStopped: Bool = false
    ) throws {
        var states = [
            pollfd(fd: socket, events: Int16(events), revents: 0),
            pollfd(fd: lastMoment == nil ? stopped : -1, events: Int16(POLLIN), revents: 0),
        ]
        while true {
            let milliseconds = ContinuousClock.now.duration(to: min(end, lastMoment ?? end)) / .milliseconds(1)
            let count = poll(&states, 2, Int32(max(0, milliseconds.rounded(.up))))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Failure.timeout }
            if states[0].revents != 0 { return }
            if endsWhenStopped { throw Failure.stopped }
            lastMoment = .now + Self.haste
            states[1].fd = -1
        }
    }
}
