import Glibc
import TensorEngine

/// A failed system call, in the system's words.
struct SystemError: Error, CustomStringConvertible {
    let code: Int32

    init(code: Int32 = errno) {
        self.code = code
    }

    var isMissingFile: Bool { code == ENOENT || code == ENOTDIR }

    var description: String { String(cString: strerror(code)) }
}

enum WholeFile {
    static func openForReading(_ path: String) throws -> Int32 {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        if file < 0 { throw SystemError() }
        return file
    }

    /// Reads to the end of a file or stream, growing with the bytes that really come.
    /// - Throws: `SystemError`; EFBIG when there are more than `byteLimit` bytes.
    static func contents(of file: Int32, byteLimit: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var status = stat()
        if fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG {
            if status.st_size > byteLimit { throw SystemError(code: EFBIG) }
            bytes.reserveCapacity(Int(status.st_size))
        }
        try withUnsafeTemporaryAllocation(byteCount: 1 << 18, alignment: 16) { buffer in
            while let count = try readSome(file, into: buffer) {
                bytes.append(contentsOf: buffer[..<count])
                if bytes.count > byteLimit { throw SystemError(code: EFBIG) }
            }
        }
        return bytes
    }

    /// The number of bytes that came, or nil at the end.
    static func readSome(_ file: Int32, into buffer: UnsafeMutableRawBufferPointer) throws -> Int? {
        while true {
            let count = read(file, buffer.baseAddress, buffer.count)
            if count >= 0 { return count == 0 ? nil : count }
            if errno != EINTR { throw SystemError() }
        }
    }

    /// Half of this machine's memory: beyond it a file can't be worked on, and asking would end the process.
    static var memoryByteLimit: Int { HostSystem.memoryByteCount / 2 }
}
