/// Where the files of a zip archive lie: only archives that store them uncompressed, as PyTorch's do.
///
/// Source: PKWARE's APPNOTE, sections 4.3 and 4.5.3 (zip64).
struct ZipArchive {
    /// The bytes of each file, by its name.
    let entries: [String: Range<Int>]

    private static let endOfDirectorySize = 22
    private static let locatorSize = 20

    /// - Throws: `CheckpointError` when the archive is cut, lies about its sizes, or is compressed.
    init(_ bytes: UnsafeRawBufferPointer, path: String) throws {
        let directory = try Self.directory(bytes, path: path)
        var reader = ByteReader(bytes, path: path, position: directory.start)
        var entries: [String: Range<Int>] = [:]
        while reader.position < directory.end {
            let (name, range) = try Self.entry(&reader, bytes)
            guard entries.updateValue(range, forKey: name) == nil else {
                throw CheckpointError.malformed(path, "the archive holds \(name) twice")
            }
        }
        self.entries = entries
    }

    private static func directory(_ bytes: UnsafeRawBufferPointer, path: String) throws -> (start: Int, end: Int) {
        // The record is the archive's last, but for a comment of at most 65,535 bytes.
        let candidates = stride(
            from: bytes.count - endOfDirectorySize, through: max(0, bytes.count - endOfDirectorySize - 0xFFFF), by: -1)
        guard
            let position = candidates.first(where: {
                bytes.loadUnaligned(fromByteOffset: $0, as: UInt32.self) == 0x0605_4B50
            })
        else {
            throw CheckpointError.malformed(path, "the zip archive has no directory: it is cut off")
        }
        var reader = ByteReader(bytes, path: path, position: position + 12)
        var size = try reader.size(UInt32.self)
        var start = try reader.size(UInt32.self)
        if position >= locatorSize,
            bytes.loadUnaligned(fromByteOffset: position - locatorSize, as: UInt32.self) == 0x0706_4B50
        {
            var locator = ByteReader(bytes, path: path, position: position - locatorSize + 8)
            var record = ByteReader(bytes, path: path, position: try locator.size(UInt64.self))
            guard try record.integer(UInt32.self) == 0x0606_4B50 else {
                throw CheckpointError.malformed(path, "the zip archive's zip64 record is missing")
            }
            _ = try record.take(36)
            size = try record.size(UInt64.self)
            start = try record.size(UInt64.self)
        }
        guard start <= position, size <= position - start else {
            throw CheckpointError.malformed(path, "the zip archive's directory lies outside the file")
        }
        return (start, start + size)
    }

    private static func entry(_ reader: inout ByteReader, _ bytes: UnsafeRawBufferPointer) throws
        -> (String, Range<Int>)
    {
        let path = reader.path
        guard try reader.integer(UInt32.self) == 0x0201_4B50 else {
            throw CheckpointError.malformed(path, "the zip archive's directory is broken at byte \(reader.position)")
        }
        _ = try reader.take(4)
        let flags = try reader.integer(UInt16.self)
        let method = try reader.integer(UInt16.self)
        _ = try reader.take(8)
        var storedSize = try reader.size(UInt32.self)
        var size = try reader.size(UInt32.self)
        let nameSize = try reader.size(UInt16.self)
        let extraSize = try reader.size(UInt16.self)
        let commentSize = try reader.size(UInt16.self)
        _ = try reader.take(8)
        var headerPosition = try reader.size(UInt32.self)
        let name = try reader.string(byteCount: nameSize)
        var extra = ByteReader(try reader.take(extraSize), path: path)
        _ = try reader.take(commentSize)

        var extraRead = 0
        while extraRead + 4 <= extraSize {
            let id = try extra.integer(UInt16.self)
            let fieldSize = try extra.size(UInt16.self)
            var field = ByteReader(try extra.take(fieldSize), path: path)
            // zip64: only the values that don't fit their 32 bits, in this order.
            if id == 1 {
                if size == 0xFFFF_FFFF { size = try field.size(UInt64.self) }
                if storedSize == 0xFFFF_FFFF { storedSize = try field.size(UInt64.self) }
                if headerPosition == 0xFFFF_FFFF { headerPosition = try field.size(UInt64.self) }
            }
            extraRead = extra.position
        }
        guard method == 0, flags & 1 == 0, size == storedSize else {
            throw CheckpointError(
                .refused, path: path, "\(name) inside the zip archive is compressed or encrypted",
                remedy: "save the checkpoint again with torch.save, or as safetensors")
        }
        var header = ByteReader(bytes, path: path, position: headerPosition)
        guard try header.integer(UInt32.self) == 0x0403_4B50 else {
            throw CheckpointError.malformed(path, "\(name) is not where the zip archive says")
        }
        _ = try header.take(22)
        let localNameSize = try header.size(UInt16.self)
        let localExtraSize = try header.size(UInt16.self)
        _ = try header.take(localNameSize)
        _ = try header.take(localExtraSize)
        let start = header.position
        _ = try header.take(size)
        return (name, start..<start + size)
    }
}
