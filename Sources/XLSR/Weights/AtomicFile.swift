import Glibc

/// A file that appears under its name whole or not at all: written beside it, then renamed.
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
        self.path = path
        // Beside the target, because a rename can't leave the file system.
        temporaryPath = "\(path).\(String(UInt64.random(in: .min ... .max), radix: 36)).tmp"
        slot = temporaryFiles.remember(temporaryPath)
        descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw Self.unwritable(path) }
    }

    deinit {
        defer { temporaryFiles.forget(slot) }
        guard descriptor >= 0 else { return }
        close(descriptor)
        unlink(temporaryPath)
    }

    package func write(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { throw Self.unwritable(path) }
            rest = rest.dropFirst(written)
        }
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
        CheckpointError(.missingFile, path: path, "can't be written: \(String(cString: strerror(errno)))")
    }
}
