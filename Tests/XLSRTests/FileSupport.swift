import FoundationEssentials
import TensorEngine
import XLSR

/// The fixtures that Fixtures/make_weights.py writes.
enum WeightsFixture {
    static func path(_ name: String) -> String {
        URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/weights/\(name)").path
    }

    static func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(filePath: path(name))))
    }

    /// What all fixtures hold: 0, 1/4, 2/4, …
    static func ramp(_ count: Int) -> [Float] { (0..<count).map { Float($0) / 4 } }
}

/// A folder that is gone when the closure is done.
func withTemporaryFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appending(path: "weights-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder.path)
}

func write(_ bytes: some Sequence<UInt8>, to path: String) throws {
    try Data(bytes).write(to: URL(filePath: path))
}

func write(_ text: String, to path: String) throws {
    try write(text.utf8, to: path)
}

/// A safetensors file of any header text, honest about the header's length unless told otherwise.
func safetensors(header: String, claimedHeaderByteCount: UInt64? = nil, data: Int) -> [UInt8] {
    let text = Array(header.utf8)
    return Array(littleEndianBytes(claimedHeaderByteCount ?? UInt64(text.count))) + text
        + [UInt8](repeating: 0, count: data)
}

func littleEndianBytes(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
}

/// A file in PyTorch's old layout around `object`, the opcodes of a pickle, followed by `storages`.
func legacyTorchFile(object: [UInt8], keys: [String] = [], storages: [UInt8] = []) -> [UInt8] {
    let magic: [UInt8] = [0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E]
    let version: [UInt8] = [0x80, 2] + Array("M".utf8) + [0xE9, 0x03] + Array(".".utf8)
    let system = [0x80, 2] + Array("}.".utf8)
    let keyList = [0x80, 2] + Array("](".utf8) + keys.flatMap(pickledString) + Array("e.".utf8)
    return magic + version + system + [0x80, 2] + object + Array(".".utf8) + keyList + storages
}

func pickledString(_ text: String) -> [UInt8] {
    Array("X".utf8) + littleEndianBytes(UInt32(text.utf8.count)) + Array(text.utf8)
}

func pickledInteger(_ value: Int) -> [UInt8] {
    [0x8A, 8] + littleEndianBytes(value)
}

func pickledTuple(_ integers: [Int]) -> [UInt8] {
    Array("(".utf8) + integers.flatMap(pickledInteger) + Array("t".utf8)
}

/// A state dict of one float32 tensor "w" with storage "0" of `storageCount` elements.
func pickledTensor(sizes: [Int], strides: [Int], offset: Int = 0, storageCount: Int) -> [UInt8] {
    Array("}".utf8) + pickledString("w") + Array("ctorch._utils\n_rebuild_tensor_v2\n((".utf8)
        + pickledString("storage") + Array("ctorch\nFloatStorage\n".utf8) + pickledString("0") + pickledString("cpu")
        + pickledInteger(storageCount) + Array("tQ".utf8) + pickledInteger(offset) + pickledTuple(sizes)
        + pickledTuple(strides) + [0x89] + Array("NtRs".utf8)
}

/// The file of `pickledTensor`, with a storage of 0, 1, 2, …
func torchFile(sizes: [Int], strides: [Int], offset: Int = 0, storageCount: Int, claimedCount: Int? = nil) throws
    -> TorchFile
{
    let storage =
        littleEndianBytes(Int64(storageCount)) + (0..<storageCount).flatMap { littleEndianBytes(Float($0).bitPattern) }
    let object = pickledTensor(
        sizes: sizes, strides: strides, offset: offset, storageCount: claimedCount ?? storageCount)
    return try TorchFile(ArrayMemory(legacyTorchFile(object: object, keys: ["0"], storages: storage)), path: "test.bin")
}

/// A zip archive whose sizes and offsets all stand in zip64 fields, as in files beyond 4 GB.
func zip64Archive(_ files: [(name: String, bytes: [UInt8])], claimedSize: UInt64? = nil) -> [UInt8] {
    let saturated = littleEndianBytes(UInt32.max)
    var archive: [UInt8] = []
    var directory: [UInt8] = []
    for (name, bytes) in files {
        let size = littleEndianBytes(claimedSize ?? UInt64(bytes.count))
        let nameSize = littleEndianBytes(UInt16(name.utf8.count))
        directory += [0x50, 0x4B, 1, 2] + [UInt8](repeating: 0, count: 16) + saturated + saturated + nameSize
        directory += [28, 0] + [UInt8](repeating: 0, count: 10) + saturated + Array(name.utf8)
        directory += [1, 0, 24, 0] + size + size + littleEndianBytes(UInt64(archive.count))
        archive +=
            [0x50, 0x4B, 3, 4] + [UInt8](repeating: 0, count: 22) + nameSize + [0, 0] + Array(name.utf8) + bytes
    }
    let start = archive.count
    archive += directory
    let record = archive.count
    archive += [0x50, 0x4B, 6, 6] + [UInt8](repeating: 0, count: 36)
    archive += littleEndianBytes(UInt64(directory.count)) + littleEndianBytes(UInt64(start))
    archive += [0x50, 0x4B, 6, 7, 0, 0, 0, 0] + littleEndianBytes(UInt64(record)) + [1, 0, 0, 0]
    archive += [0x50, 0x4B, 5, 6] + [UInt8](repeating: 0, count: 8) + saturated + saturated + [0, 0]
    return archive
}
