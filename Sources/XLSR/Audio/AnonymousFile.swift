#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Opens a temporary file that holds `bytes`, rewound, and has no name any more: it is gone when it is closed,
/// however the process ends. The caller closes it.
func anonymousFile(holding bytes: [UInt8]) throws -> Int32 {
    let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array((folder + "/xlsr.XXXXXX").utf8CString)
    let file = mkstemp(&template)
    if file < 0 { throw SystemError() }
    unlink(template)
    do {
        if fcntl(file, F_SETFD, FD_CLOEXEC) < 0 { throw SystemError() }
        try bytes.withUnsafeBytes { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = write(file, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if count < 0 && errno != EINTR { throw SystemError() }
                rest = rest.dropFirst(max(count, 0))
            }
        }
        if lseek(file, 0, SEEK_SET) < 0 { throw SystemError() }
    } catch {
        close(file)
        throw error
    }
    return file
}
