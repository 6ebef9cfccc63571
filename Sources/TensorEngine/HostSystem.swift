import Glibc

/// What several parts ask of the operating system.
package enum HostSystem {
    /// An environment variable; nil when it isn't set.
    package static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    /// Makes a folder, and those above it that aren't there.
    /// - Returns: whether it is there now; else `errno` says why it isn't.
    package static func makeFolder(_ path: String, mode: mode_t = 0o777) -> Bool {
        if mkdir(path, mode) == 0 { return true }
        switch errno {
        case EEXIST:
            var status = stat()
            if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { return true }
            errno = ENOTDIR
            return false
        case ENOENT:
            let parts = path.split(separator: "/")
            guard parts.count > 1 else { return false }
            let above = (path.hasPrefix("/") ? "/" : "") + parts.dropLast().joined(separator: "/")
            // Another process may have been quicker.
            return makeFolder(above, mode: mode) && (mkdir(path, mode) == 0 || errno == EEXIST)
        default: return false
        }
    }

    /// The machine's memory; more than there can be where the system doesn't say.
    package static var memoryByteCount: Int {
        let (pages, pageSize) = (sysconf(Int32(_SC_PHYS_PAGES)), sysconf(Int32(_SC_PAGESIZE)))
        return pages > 0 && pageSize > 0 ? pages * pageSize : Int.max
    }

    /// Whether the system gives the process one more thread. Dispatch, which runs work on threads, waits for one for
    /// ever.
    package static func givesThreads() -> Bool {
        var thread = pthread_t()
        guard pthread_create(&thread, nil, { _ in nil }, nil) == 0 else { return false }
        pthread_join(thread, nil)
        return true
    }

    /// Writes all bytes to an open file.
    /// - Returns: whether that worked; else `errno` says why it didn't.
    package static func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                if count == 0 { errno = EIO }
                return false
            }
            rest = rest.dropFirst(count)
        }
        return true
    }
}
