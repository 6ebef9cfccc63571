import Glibc
import TensorEngine

/// A file that appears under its name whole or not at all: written beside it, then renamed. One that is there keeps its
/// permissions, and a link leads on to it.
package final class AtomicFile {
    private let path: String
    private let temporaryPath: String
    private var descriptor: Int32
    private let temporaryFiles: TemporaryFiles
    private let slot: Int?

    /// - Parameter temporaryFiles: where it is listed for as long as it is unfinished.
    /// - Throws: `CheckpointError` when the folder can't be written.
    package init(path: String, temporaryFiles: TemporaryFiles = .ofProcess) throws {
        self.temporaryFiles = temporaryFiles
        let resolved = realpath(path, nil)
        defer { free(resolved) }
        let path = resolved.map { String(cString: $0) } ?? path
        // Beside the target, because a rename can't leave the file system.
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
        self.path = path
        temporaryPath = "\(folder).xlsr-\(String(UInt64.random(in: .min ... .max), radix: 36)).tmp"
        slot = temporaryFiles.remember(temporaryPath)
        descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw Self.unwritable(path) }
        var status = stat()
        if stat(path, &status) == 0 { fchmod(descriptor, status.st_mode & 0o777) }
    }

    deinit {
        defer { temporaryFiles.forget(slot) }
        guard descriptor >= 0 else { return }
        close(descriptor)
        unlink(temporaryPath)
    }

    package func write(_ bytes: UnsafeRawBufferPointer) throws {
        guard HostSystem.writeAll(bytes, to: descriptor) else { throw Self.unwritable(path) }
    }

    /// Gives the file its name. Without this call nothing is left.
    package func commit() throws {
        let isClosed = close(descriptor) == 0
        descriptor = -1
        guard isClosed, rename(temporaryPath, path) == 0 else {
            let error = Self.unwritable(path)
            unlink(temporaryPath)
            throw error
        }
    }

    private static func unwritable(_ path: String) -> CheckpointError {
        CheckpointError(.unwritable, path: path, "can't be written: \(String(cString: strerror(errno)))")
    }
}
