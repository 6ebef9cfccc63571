import Glibc

/// Opens a socket that listens.
/// - Parameters:
///   - host: a name or an address.
///   - port: 0 for any that is free.
/// - Returns: the socket, and its address as clients write it.
/// - Throws: `ListenError`.
func listen(host: String, port: Int) throws -> (socket: Int32, address: String) {
    var hints = addrinfo()
    hints.ai_flags = AI_PASSIVE
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, String(port), &hints, &list)
    guard code == 0, let first = list else {
        throw ListenError(description: "\(host): \(String(cString: gai_strerror(code)))")
    }
    defer { freeaddrinfo(list) }
    // A client that has gone before it is accepted is none to wait for.
    let type = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
    let socket = socket(first.pointee.ai_family, Int32(type), 0)
    var one: Int32 = 1
    guard socket >= 0,
        setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size)) == 0,
        bind(socket, first.pointee.ai_addr, first.pointee.ai_addrlen) == 0, Glibc.listen(socket, 128) == 0
    else {
        let (code, name) = (errno, first.pointee.ai_family == AF_INET6 ? "[\(host)]" : host)
        if socket >= 0 { close(socket) }
        throw ListenError(description: "\(name):\(port) can't be listened on: \(String(cString: strerror(code)))")
    }
    return (socket, address(of: socket))
}

private func text(_ characters: [CChar]) -> String {
    String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// `127.0.0.1:8080` or `[::1]:8080`.
private func address(of socket: Int32) -> String {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    var (host, port) = ([CChar](repeating: 0, count: 64), [CChar](repeating: 0, count: 16))
    let isKnown = withUnsafeMutablePointer(to: &storage) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
            getsockname(socket, address, &length) == 0
                && getnameinfo(
                    address, length, &host, socklen_t(host.count), &port, socklen_t(port.count),
                    NI_NUMERICHOST | NI_NUMERICSERV) == 0
        }
    }
    guard isKnown else { return "?" }
    let (name, number) = (text(host), text(port))
    return name.contains(":") ? "[\(name)]:\(number)" : "\(name):\(number)"
}
