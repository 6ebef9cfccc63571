import Glibc
import TensorEngine

/// A file's bytes, mapped read-only: pages are read when touched and may leave memory again at any time.
///
/// A file that is cut shorter while it is mapped ends the process on the next read past its new end, as with every
/// mapping.
package final class MappedFile: HostMemory, @unchecked Sendable {
    // Unchecked: the mapping is read-only, is never replaced, and is unmapped only when the last reference is gone.
    private let mapping: UnsafeRawBufferPointer

    /// - Throws: `CheckpointError` for a file that is missing, not a regular file, empty or not readable.
    package init(path: String) throws {
        // Without O_NONBLOCK, opening a named pipe would wait for a writer.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw CheckpointError.unreadable(path, errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw CheckpointError.unreadable(path, errno) }
        switch status.st_mode & S_IFMT {
        case S_IFREG: break
        case S_IFDIR: throw CheckpointError(.missingFile, path: path, "is a folder where a file is expected")
        default: throw CheckpointError(.missingFile, path: path, "is not a regular file")
        }
        let byteCount = Int(status.st_size)
        guard byteCount > 0 else { throw CheckpointError.malformed(path, "the file is empty") }
        guard let start = mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
            throw CheckpointError.unreadable(path, errno)
        }
        mapping = UnsafeRawBufferPointer(start: start, count: byteCount)
    }

    deinit {
        munmap(UnsafeMutableRawPointer(mutating: mapping.baseAddress), mapping.count)
    }

    package var byteCount: Int { mapping.count }

    package func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try body(mapping)
    }

    package func discardResidentPages(in range: Range<Int>) {
        // Inwards: the pages at both ends may hold a neighbour that is still being read.
        let pageSize = Int(sysconf(Int32(_SC_PAGESIZE)))
        let range = range.clamped(to: 0..<mapping.count)
        let first = (range.lowerBound + pageSize - 1) / pageSize * pageSize
        let end = range.upperBound == mapping.count ? range.upperBound : range.upperBound / pageSize * pageSize
        guard first < end, let start = mapping.baseAddress else { return }
        // Not posix_madvise: glibc ignores its "don't need".
        madvise(UnsafeMutableRawPointer(mutating: start + first), end - first, MADV_DONTNEED)
    }

    /// JSON costs some 30 times its size in memory once parsed.
    package static let defaultSmallFileLimit = 16 << 20
}

extension HostMemory {
    package var byteCount: Int { withUnsafeBytes { $0.count } }

    /// A copy of all bytes.
    /// - Throws: `CheckpointError` when there are more than `limit`.
    package func contents(limit: Int, path: String) throws -> [UInt8] {
        try withUnsafeBytes { bytes in
            guard bytes.count <= limit else {
                throw CheckpointError.malformed(path, "\(bytes.count) bytes, where at most \(limit) make sense")
            }
            return Array(bytes)
        }
    }
}

extension CheckpointError {
    /// A file that breaks its format.
    static func malformed(_ path: String, _ detail: String) -> CheckpointError {
        CheckpointError(.malformed, path: path, detail, remedy: "download the file again")
    }

    /// A system call on `path` that failed with `errorNumber`.
    static func unreadable(_ path: String, _ errorNumber: Int32) -> CheckpointError {
        let reason = String(cString: strerror(errorNumber))
        return CheckpointError(
            .missingFile, path: path, errorNumber == ENOENT ? "no such file" : "can't be read: \(reason)")
    }
}
