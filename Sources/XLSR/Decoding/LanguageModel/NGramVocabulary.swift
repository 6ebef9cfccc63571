import TensorEngine

/// The words of a language model by the hash of their bytes, and their texts where the file has them.
struct NGramVocabulary: @unchecked Sendable {
    // Unchecked: the memory is never written once a vocabulary reads it, and `owner` keeps it alive.
    enum Table {
        /// Entries of the hash and the number of the word.
        case probing(ProbingTable)
        /// The sorted hashes of the words from 1 on.
        case sorted(UnsafeRawPointer, count: Int)
    }

    let table: Table
    /// Numbers from here on are damage.
    let count: Int
    let owner: any Sendable
    /// The words in the order of their numbers, each followed by a zero byte.
    let texts: (memory: any HostMemory, range: Range<Int>)?

    func index(of word: String) -> NGramModel.WordIndex {
        var word = word
        return word.withUTF8 { index(ofHash: murmurHash64A(UnsafeRawBufferPointer($0))) }
    }

    func index(ofHash hash: UInt64) -> NGramModel.WordIndex {
        let index =
            switch table {
            case .probing(let table):
                table.find(hash).map {
                    $0.loadUnaligned(fromByteOffset: ProbingTable.keyByteCount, as: NGramModel.WordIndex.self)
                } ?? 0
            case .sorted(let hashes, let count): Self.position(of: hash, in: hashes, count: count)
            }
        return index < count ? index : 0
    }

    private static func position(of hash: UInt64, in hashes: UnsafeRawPointer, count: Int) -> NGramModel.WordIndex {
        let stride = MemoryLayout<UInt64>.size
        var (low, high) = (0, count)
        while low < high {
            let middle = low + (high - low) / 2
            let found = hashes.loadUnaligned(fromByteOffset: middle * stride, as: UInt64.self)
            if found == hash { return NGramModel.WordIndex(truncatingIfNeeded: middle + 1) }
            if found < hash { low = middle + 1 } else { high = middle }
        }
        return 0
    }

    func words() -> [String]? {
        texts.map { texts in
            texts.memory.withUnsafeBytes { bytes in
                bytes[texts.range].split(separator: 0, maxSplits: count, omittingEmptySubsequences: false)
                    .prefix(count).map { String(decoding: $0, as: UTF8.self) }
            }
        }
    }
}

/// MurmurHash64A (Austin Appleby), seed 0: KenLM's hash of a word.
func murmurHash64A(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    let multiplier: UInt64 = 0xC6A4_A793_5BD1_E995
    let shift: UInt64 = 47
    var hash = UInt64(bytes.count) &* multiplier
    let blocksEnd = bytes.count & ~7
    for offset in Swift.stride(from: 0, to: blocksEnd, by: 8) {
        var block = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        block &*= multiplier
        block ^= block >> shift
        block &*= multiplier
        hash = (hash ^ block) &* multiplier
    }
    if blocksEnd < bytes.count {
        for offset in blocksEnd..<bytes.count { hash ^= UInt64(bytes[offset]) << UInt64(8 * (offset - blocksEnd)) }
        hash &*= multiplier
    }
    hash = (hash ^ hash >> shift) &* multiplier
    return hash ^ hash >> shift
}
