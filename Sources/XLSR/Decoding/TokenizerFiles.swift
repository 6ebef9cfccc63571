import Glibc

/// The files of a checkpoint that a tokenizer reads, from wherever they are.
struct TokenizerFiles {
    /// No tokenizer's file comes near this: a thousand languages of a hundred tokens take about 2 MB.
    static let byteLimit = 16 << 20

    let path: String
    let read: (String) throws -> [UInt8]?

    func path(of name: String) -> String { Self.path(of: name, in: path) }

    static func path(of name: String, in folder: String) -> String { folder.isEmpty ? name : "\(folder)/\(name)" }

    func bytes(_ name: String) throws -> [UInt8]? {
        guard let bytes = try read(name) else { return nil }
        guard bytes.count <= Self.byteLimit else { throw Self.tooLarge(path(of: name)) }
        return bytes
    }

    /// The fields of a JSON file; none if the file isn't there.
    func fields(_ name: String) throws -> [String: JSON]? {
        guard let bytes = try bytes(name) else { return nil }
        guard let fields = try JSON(parsing: bytes, path: path(of: name)).object else {
            throw CheckpointError(.malformed, path: path(of: name), "not a JSON object")
        }
        return fields
    }

    /// The bytes of a regular file of a folder, nil if there is no such file.
    static func contents(ofFile path: String) throws -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw CheckpointError(.missingFile, path: path, "can't be opened: \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw CheckpointError(.missingFile, path: path, "isn't a regular file")
        }
        guard status.st_size <= byteLimit else { throw tooLarge(path) }
        var count = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: Int(status.st_size)) { buffer, initializedCount in
            while count < buffer.count, let base = buffer.baseAddress {
                let part = Glibc.read(descriptor, base + count, buffer.count - count)
                if part <= 0 { break }
                count += part
            }
            initializedCount = count
        }
        guard count == Int(status.st_size) else { throw CheckpointError(.malformed, path: path, "can't be read whole") }
        return bytes
    }

    private static func tooLarge(_ path: String) -> CheckpointError {
        CheckpointError(.tokenizer, path: path, "is too large for a tokenizer's file (\(byteLimit >> 20) MiB)")
    }
}
