/// The layout of KenLM's "probing" model: an array of unigrams and one hash table an order.
///
/// The key of an n-gram combines its words from the last to the first; whether the words are really the same isn't
/// checked (two n-grams of a billion share a key about once in 40 models).
struct ProbingSearch: NGramSearch, @unchecked Sendable {
    // Unchecked: the memory is never written once a search reads it, and `owners` keep it alive.
    let order: Int
    let unigramCount: Int
    /// The bytes from one unigram to the next: probability, back-off and whatever follows.
    let unigramStride: Int
    let unigrams: UnsafeRawPointer
    /// Of the orders 2 ..< `order`.
    let middles: [ProbingTable]
    /// Of the order `order`; absent in a model of unigrams.
    let longest: ProbingTable?
    let owners: [any Sendable]

    static func combine(_ key: UInt64, _ word: NGramModel.WordIndex) -> UInt64 {
        (key &* 8_978_948_897_894_561_157) ^ (UInt64(word &+ 1) &* 17_894_857_484_156_487_943)
    }

    func unigram(_ word: NGramModel.WordIndex) -> (entry: NGramEntry, node: UInt64) {
        (Self.entry(at: unigrams + Int(word) * unigramStride), UInt64(word))
    }

    func find(middle: Int, _ word: NGramModel.WordIndex, _ node: inout UInt64) -> NGramEntry? {
        node = Self.combine(node, word)
        return middles[middle].find(node).map { Self.entry(at: $0 + ProbingTable.keyByteCount) }
    }

    func findLongest(_ word: NGramModel.WordIndex, _ node: UInt64) -> Float? {
        longest?.find(Self.combine(node, word)).map {
            Self.signed(($0 + ProbingTable.keyByteCount).loadUnaligned(as: Float.self))
        }
    }

    /// No probability is positive, so its sign bit is free: clear says that longer n-grams end with this one.
    private static func entry(at address: UnsafeRawPointer) -> NGramEntry {
        let probability = address.loadUnaligned(as: Float.self)
        return NGramEntry(
            probability: signed(probability),
            backoff: address.loadUnaligned(fromByteOffset: MemoryLayout<Float>.size, as: Float.self),
            extendsLeft: probability.sign == .plus)
    }

    private static func signed(_ probability: Float) -> Float {
        Float(bitPattern: probability.bitPattern | 1 << 31)
    }
}

/// A hash table with linear probing, as KenLM lays it out: `stride` bytes an entry, which opens with its key; key 0
/// is a free place.
struct ProbingTable {
    static let keyByteCount = MemoryLayout<UInt64>.size

    let start: UnsafeRawPointer
    let bucketCount: Int
    let stride: Int

    /// - Returns: the address of the entry.
    func find(_ key: UInt64) -> UnsafeRawPointer? {
        guard bucketCount > 0 else { return nil }
        var bucket = Int(key % UInt64(bucketCount))
        // A damaged table may have no free place, which would otherwise end the search.
        for _ in 0..<bucketCount {
            let entry = start + bucket * stride
            let found = entry.loadUnaligned(as: UInt64.self)
            if found == 0 { return nil }
            if found == key { return entry }
            bucket += 1
            if bucket == bucketCount { bucket = 0 }
        }
        return nil
    }
}
