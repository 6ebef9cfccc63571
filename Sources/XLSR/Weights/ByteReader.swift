/// Reads little-endian fields from a file's bytes; throws where a field would pass their end.
struct ByteReader {
    private let bytes: UnsafeRawBufferPointer
    let path: String
    private(set) var position: Int

    /// Reads `bytes` from `position`, which may lie anywhere.
    init(_ bytes: UnsafeRawBufferPointer, path: String, position: Int = 0) {
        self.bytes = bytes
        self.path = path
        self.position = position
    }

    mutating func take(_ byteCount: Int) throws -> UnsafeRawBufferPointer {
        guard byteCount >= 0, position >= 0, position <= bytes.count, byteCount <= bytes.count - position else {
            throw CheckpointError.malformed(path, "cut off: \(byteCount) bytes expected at byte \(position)")
        }
        defer { position += byteCount }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<position + byteCount])
    }

    mutating func integer<Integer: FixedWidthInteger>(_: Integer.Type) throws -> Integer {
        Integer(littleEndian: try take(MemoryLayout<Integer>.size).loadUnaligned(as: Integer.self))
    }

    /// A size or an offset stored in as many bytes as `Integer` has.
    mutating func size<Integer: FixedWidthInteger>(_: Integer.Type) throws -> Int {
        let value = try integer(Integer.self)
        guard let size = Int(exactly: value), size >= 0 else {
            throw CheckpointError.malformed(path, "impossible size \(value) before byte \(position)")
        }
        return size
    }

    mutating func string(byteCount: Int) throws -> String {
        let text = try take(byteCount)
        guard let string = String(validating: text, as: UTF8.self) else {
            throw CheckpointError.malformed(path, "text before byte \(position) is not UTF-8")
        }
        return string
    }

    /// Text up to the next line feed, which is skipped.
    mutating func line() throws -> String {
        let rest = bytes.dropFirst(position)
        guard let end = rest.firstIndex(of: UInt8(ascii: "\n")) else {
            throw CheckpointError.malformed(path, "cut off: a line without an end at byte \(position)")
        }
        let text = try string(byteCount: end - position)
        position += 1
        return text
    }
}
