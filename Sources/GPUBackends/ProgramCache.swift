import Glibc
import TensorEngine

/// Compiled programs in a folder, by everything that they depend on.
///
/// A convenience: nothing here fails. A folder that can't be written stays as it is; a file that is damaged, cut or of
/// someone else counts as absent and is replaced. Files appear whole under their names, so several processes may write
/// at once.
package struct ProgramCache: Sendable {
    package let folder: String
    /// Old programs are removed when all together are larger.
    package let largestByteCount: Int

    private static let suffix = ".program"
    private static let temporarySuffix = ".tmp"

    package init(folder: String, largestByteCount: Int = 256 << 20) {
        self.folder = folder
        self.largestByteCount = largestByteCount
    }

    /// `xlsr/NAME` in the user's cache folder: `XDG_CACHE_HOME`, else `.cache` at home. nil without one; with
    /// `XLSR_CACHE=0`; and where the driver keeps programs itself, unless `XLSR_CACHE=1`.
    package static func ofUser(
        _ name: String, driverKeepsPrograms: Bool = false, environment: (String) -> String? = HostSystem.variable
    ) -> ProgramCache? {
        guard environment("XLSR_CACHE") != "0" else { return nil }
        guard !driverKeepsPrograms || environment("XLSR_CACHE") == "1" else { return nil }
        // The XDG rule: what isn't absolute doesn't count.
        let base = environment("XDG_CACHE_HOME").flatMap { $0.hasPrefix("/") ? $0 : nil }
        let home = environment("HOME").flatMap { $0.hasPrefix("/") ? "\($0)/.cache" : nil }
        return (base ?? home).map { ProgramCache(folder: "\($0)/xlsr/\(name)") }
    }

    /// The program that was stored under a key.
    package func program(for key: [String]) -> [UInt8]? {
        let path = path(of: key)
        guard let file = readFile(path), let program = ProgramFile.program(in: file, key: key) else { return nil }
        // What is used is young.
        utimensat(AT_FDCWD, path, nil, 0)
        return program
    }

    package func store(_ program: [UInt8], for key: [String]) {
        // For the user alone.
        _ = HostSystem.makeFolder(folder, mode: 0o700)
        let path = path(of: key)
        let temporaryPath = "\(path).\(String(UInt64.random(in: .min ... .max), radix: 36))\(Self.temporarySuffix)"
        guard writeFile(ProgramFile.bytes(of: program, key: key), temporaryPath) else { return }
        guard rename(temporaryPath, path) == 0 else {
            unlink(temporaryPath)
            return
        }
        removeOldest(but: path)
    }

    private func path(of key: [String]) -> String {
        let name = String(ProgramFile.hash(ProgramFile.encoded(key)[...]), radix: 16)
        return "\(folder)/\(String(repeating: "0", count: 16 - name.count))\(name)\(Self.suffix)"
    }

    // MARK: Bound

    private struct Entry {
        var path: String
        var byteCount: Int
        var seconds: Int
    }

    /// Removes the programs that were not used for longest, and what interrupted writers left.
    private func removeOldest(but newest: String) {
        let entries = entries()
        let anHourAgo = time(nil) - 3600
        for entry in entries where entry.path.hasSuffix(Self.temporarySuffix) && entry.seconds < anHourAgo {
            unlink(entry.path)
        }
        let programs = entries.filter { $0.path.hasSuffix(Self.suffix) }.sorted { $0.seconds < $1.seconds }
        var byteCount = programs.reduce(0) { $0 + $1.byteCount }
        for entry in programs where byteCount > largestByteCount && entry.path != newest {
            unlink(entry.path)
            byteCount -= entry.byteCount
        }
    }

    private func entries() -> [Entry] {
        namesInFolder(folder).compactMap { name in
            guard name.hasSuffix(Self.suffix) || name.hasSuffix(Self.temporarySuffix) else { return nil }
            var status = stat()
            let path = "\(folder)/\(name)"
            guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
            return Entry(path: path, byteCount: Int(status.st_size), seconds: status.st_mtim.tv_sec)
        }
    }

    // MARK: Files

    private func readFile(_ path: String) -> [UInt8]? {
        // A pipe of that name must not keep us waiting.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
            (1...largestByteCount).contains(Int(status.st_size))
        else { return nil }
        return [UInt8](unsafeUninitializedCapacity: Int(status.st_size)) { buffer, count in
            while count < buffer.count {
                let read = read(descriptor, buffer.baseAddress.map { $0 + count }, buffer.count - count)
                if read < 0, errno == EINTR { continue }
                guard read > 0 else { return }
                count += read
            }
        }
    }

    private func writeFile(_ bytes: [UInt8], _ path: String) -> Bool {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return false }
        let isWritten = bytes.withUnsafeBytes { HostSystem.writeAll($0, to: descriptor) }
        guard close(descriptor) == 0, isWritten else {
            unlink(path)
            return false
        }
        return true
    }
}
