import Glibc
import TensorEngine

/// Opens a temporary file that holds `bytes`, rewound, and has no name any more: it is gone when it is closed,
/// however the process ends. The caller closes it.
func anonymousFile(holding bytes: [UInt8]) throws -> Int32 {
    let folder = HostSystem.variable("TMPDIR") ?? "/tmp"
    var template = Array((folder + "/xlsr.XXXXXX").utf8CString)
    let file = mkstemp(&template)
    if file < 0 { throw SystemError() }
    unlink(template)
    do {
        if fcntl(file, F_SETFD, FD_CLOEXEC) < 0 { throw SystemError() }
        if !bytes.withUnsafeBytes({ HostSystem.writeAll($0, to: file) }) { throw SystemError() }
        if lseek(file, 0, SEEK_SET) < 0 { throw SystemError() }
    } catch {
        close(file)
        throw error
    }
    return file
}
