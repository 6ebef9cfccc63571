/// What a file of `torch.save` holds: a pickle, and where the bytes of each storage lie.
struct TorchContents {
    let value: PickleValue
    let heap: PickleHeap
    /// Byte ranges in the file, by storage key.
    let storages: [String: Range<Int>]

    /// Pickles of checkpoints are some 100 KB; what one file may cost in memory is bounded by this.
    private static let pickleByteLimit = 64 << 20
    private static let legacyMagic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]
    private static let legacyProtocol = 1001

    /// - Throws: `CheckpointError` for anything but the two layouts of `torch.save`, and for forbidden pickles.
    init(
        _ bytes: UnsafeRawBufferPointer, path: String, records: any PickleRecordList = NoPickleRecords()
    ) throws {
        let names = TorchNames(path: path, records: records)
        if bytes.starts(with: [0x50, 0x4B, 0x03, 0x04]) {
            try self.init(zip: bytes, names)
        } else if bytes.first == PickleOpcode.proto.rawValue {
            try self.init(legacy: bytes, names)
        } else {
            throw CheckpointError.malformed(path, "neither of PyTorch's file layouts")
        }
    }

    /// PyTorch 1.6 and later: `NAME/data.pkl`, `NAME/data/KEY` and maybe `NAME/byteorder` in a zip archive.
    private init(zip bytes: UnsafeRawBufferPointer, _ names: TorchNames) throws {
        var names = names
        let path = names.path
        let archive = try ZipArchive(bytes, path: path)
        guard let pickleName = archive.entries.keys.filter({ $0.hasSuffix("/data.pkl") }).min(),
            let pickle = archive.entries[pickleName]
        else { throw CheckpointError.malformed(path, "the zip archive holds no data.pkl: not a PyTorch file") }
        let folder = pickleName.dropLast("data.pkl".count)
        if let byteOrder = archive.entries["\(folder)byteorder"], bytes[byteOrder].starts(with: Array("big".utf8)) {
            throw Self.bigEndian(path)
        }
        var position = pickle.lowerBound
        (value, heap) = try Self.unpickle(bytes[..<pickle.upperBound], at: &position, &names)
        storages = try Dictionary(
            uniqueKeysWithValues: names.storages.keys.map { key in
                guard let range = archive.entries["\(folder)data/\(key)"] else {
                    throw CheckpointError.malformed(path, "the zip archive lacks \(folder)data/\(key)")
                }
                return (key, range)
            })
    }

    /// Before PyTorch 1.6: pickles of a magic number, a version, the machine's properties, the object and
    /// the list of storage keys; then each storage, its element count first.
    private init(legacy bytes: UnsafeRawBufferPointer, _ names: TorchNames) throws {
        var names = names
        let path = names.path
        var position = 0
        guard case .longInteger(Self.legacyMagic) = try Self.unpickle(bytes[...], at: &position, &names).0,
            case .int(Self.legacyProtocol) = try Self.unpickle(bytes[...], at: &position, &names).0
        else { throw CheckpointError.malformed(path, "a pickle, but not one of PyTorch") }
        let (system, systemHeap) = try Self.unpickle(bytes[...], at: &position, &names)
        if case .bool(false) = systemHeap.members(of: system)?["little_endian"] { throw Self.bigEndian(path) }
        (value, heap) = try Self.unpickle(bytes[...], at: &position, &names)
        let (keys, keyHeap) = try Self.unpickle(bytes[...], at: &position, &names)

        var reader = ByteReader(bytes, path: path, position: position)
        var storages: [String: Range<Int>] = [:]
        for key in keyHeap.elements(of: keys) ?? [] {
            guard case .string(let key) = key, let storage = names.storages[key] else {
                throw CheckpointError.malformed(path, "a storage is listed that no tensor uses")
            }
            let count = try reader.size(Int64.self)
            guard count == storage.byteCount / (storage.type?.byteSize ?? 1) else {
                throw CheckpointError.malformed(path, "storage \(key) has \(count) elements where others are claimed")
            }
            let start = reader.position
            _ = try reader.take(storage.byteCount)
            storages[key] = start..<reader.position
        }
        self.storages = storages
    }

    private static func unpickle(
        _ bytes: Slice<UnsafeRawBufferPointer>, at position: inout Int, _ names: inout TorchNames
    ) throws -> (PickleValue, PickleHeap) {
        let bytes = UnsafeRawBufferPointer(rebasing: bytes.prefix(position + pickleByteLimit))
        var reader = ByteReader(bytes, path: names.path, position: position)
        defer { position = reader.position }
        return try Unpickler.load(&reader, allowing: &names)
    }

    private static func bigEndian(_ path: String) -> CheckpointError {
        CheckpointError(
            .refused, path: path, "the file was written on a big-endian machine", remedy: "save it again as safetensors"
        )
    }
}
