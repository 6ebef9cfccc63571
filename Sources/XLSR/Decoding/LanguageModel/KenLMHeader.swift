/// The first fields of a KenLM binary, format version 5: native integers of the machine that built it, little-endian.
struct KenLMHeader {
    enum ModelType: UInt32 {
        case probing = 0
        case restProbing
        case trie
        case quantizedTrie
        case arrayTrie
        case quantizedArrayTrie

        var isProbing: Bool { self == .probing || self == .restProbing }
        var isQuantized: Bool { self == .quantizedTrie || self == .quantizedArrayTrie }
        var hasCompressedPointers: Bool { self == .arrayTrie || self == .quantizedArrayTrie }

        var format: NGramModel.Format {
            switch self {
            case .probing: .kenLMProbing
            case .restProbing: .kenLMRestProbing
            case .trie: .kenLMTrie
            case .quantizedTrie: .kenLMQuantizedTrie
            case .arrayTrie: .kenLMArrayTrie
            case .quantizedArrayTrie: .kenLMQuantizedArrayTrie
            }
        }

        /// The version of the search structure that is read.
        var searchVersion: UInt32 { isProbing ? 0 : 1 }
    }

    let modelType: ModelType
    /// Buckets of a hash table per entry.
    let probingMultiplier: Float
    let hasWords: Bool
    /// The n-grams of each order from 1 on; each below 2^48, so that sums of their sizes stay far from overflow.
    let counts: [Int]
    /// Where the vocabulary starts.
    let byteCount: Int

    private static let magic = "mmap lm http://kheafield.com/code format version "
    private static let supportedVersion = "5\n"
    private static let magicByteCount = 56
    private static let rebuild = "build it again from its ARPA file with KenLM's build_binary on a 64-bit x86 machine"

    init(_ bytes: UnsafeRawBufferPointer, path: String) throws {
        var reader = ByteReader(bytes, path: path)
        try Self.checkMagic(try reader.take(Self.magicByteCount), path: path)
        try Self.checkNumbers(&reader, path: path)
        let order = Int(try reader.integer(UInt32.self) & 0xFF)
        probingMultiplier = Float(bitPattern: try reader.integer(UInt32.self))
        let type = try reader.integer(UInt32.self)
        hasWords = try reader.integer(UInt32.self) & 0xFF != 0
        let searchVersion = try reader.integer(UInt32.self)
        guard let modelType = ModelType(rawValue: type) else {
            throw Self.unsupported(path, "a KenLM binary of an unknown model type (\(type))")
        }
        self.modelType = modelType
        guard searchVersion == modelType.searchVersion else {
            throw Self.unsupported(
                path,
                "\(modelType.format.rawValue) of version \(searchVersion), where \(modelType.searchVersion) is supported"
            )
        }
        guard (2...NGramModel.maximumOrder).contains(order) else {
            throw Self.unsupported(
                path, "of order \(order), where 2 to \(NGramModel.maximumOrder) are supported",
                remedy: "build a model of an order in that range")
        }
        guard probingMultiplier >= 1, probingMultiplier <= 4096 else {
            throw CheckpointError.malformed(path, "an impossible probing multiplier of \(probingMultiplier)")
        }
        counts = try (1...order).map { order in
            let count = try reader.size(UInt64.self)
            // No n-gram takes less than a bit.
            guard count <= bytes.count * 8, count < 1 << 48 else {
                throw CheckpointError.malformed(path, "\(count) \(order)-grams can't be in a file of this size")
            }
            return count
        }
        byteCount = (reader.position + 7) / 8 * 8
    }

    private static func checkMagic(_ bytes: UnsafeRawBufferPointer, path: String) throws {
        let text = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        if text.hasPrefix("mmap lm http://kheafield.com/code incomplete") {
            throw unsupported(path, "a KenLM binary whose building did not finish")
        }
        guard text.hasPrefix(magic) else { throw unsupported(path, "a KenLM binary of an unknown format") }
        guard text.dropFirst(magic.count) == supportedVersion else {
            let version = text.dropFirst(magic.count).prefix { $0 != "\n" }
            throw unsupported(path, "a KenLM binary of format version \(version.prefix(8)), where 5 is supported")
        }
    }

    /// The numbers that KenLM writes to find out a machine whose numbers are others.
    private static func checkNumbers(_ reader: inout ByteReader, path: String) throws {
        let expected: [UInt32] = [0, Float(1).bitPattern, Float(-0.5).bitPattern, 1, .max, 0, 1, 0]
        let found = try expected.indices.map { _ in try reader.integer(UInt32.self) }
        guard found != expected else { return }
        if found[1].byteSwapped == expected[1] {
            throw unsupported(path, "a KenLM binary of a big-endian machine")
        }
        throw unsupported(path, "a KenLM binary of another machine, or damaged: its test values differ")
    }

    static func unsupported(_ path: String, _ description: String, remedy: String = rebuild) -> CheckpointError {
        LanguageModelFile.unsupported(path, description, remedy: remedy)
    }
}
