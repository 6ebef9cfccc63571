/// The layout of KenLM's "trie" model: n-grams sorted by their words from the last to the first, bit by bit.
///
/// Every n-gram points to those of the next order that put one more word before it.
struct TrieSearch: NGramSearch, @unchecked Sendable {
    // Unchecked: the file is mapped read-only, and `owner` keeps it alive.
    let order: Int
    let unigramCount: Int
    /// Probability, back-off and the index of the first 2-gram; there is one more than there are words.
    let unigrams: UnsafeRawPointer
    /// Of the orders 2 ..< `order`.
    let middles: [TrieLevel]
    let longest: TrieLevel
    let owner: any Sendable

    static let unigramByteCount = 16

    func unigram(_ word: NGramModel.WordIndex) -> (entry: NGramEntry, node: TrieNode) {
        let record = unigrams + Int(word) * Self.unigramByteCount
        let node = TrieNode(
            start: record.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
            end: record.loadUnaligned(fromByteOffset: Self.unigramByteCount + 8, as: UInt64.self))
        let entry = NGramEntry(
            probability: record.loadUnaligned(as: Float.self),
            backoff: record.loadUnaligned(fromByteOffset: 4, as: Float.self), extendsLeft: !node.isEmpty)
        return (entry, node)
    }

    func find(middle: Int, _ word: NGramModel.WordIndex, _ node: inout TrieNode) -> NGramEntry? {
        let level = middles[middle]
        guard let index = level.index(of: word, in: node) else { return nil }
        node = level.next(index)
        let (probability, backoff) = level.weights(index)
        return NGramEntry(probability: probability, backoff: backoff, extendsLeft: !node.isEmpty)
    }

    func findLongest(_ word: NGramModel.WordIndex, _ node: TrieNode) -> Float? {
        longest.index(of: word, in: node).map(longest.longestProbability)
    }
}

/// The n-grams of the next order that begin with one more word: indices start ..< end, as the file claims.
struct TrieNode {
    let start: UInt64
    let end: UInt64

    var isEmpty: Bool { start >= end }
}

/// How the weights of an n-gram are packed.
enum TrieWeights {
    /// 31 bits of the probability, whose sign is known, and 32 of the back-off.
    case plain
    /// Indices into tables of values, the back-off's first.
    case quantized(probabilities: UnsafeRawPointer, bits: Int, backoffs: UnsafeRawPointer, backoffBits: Int)

    var middleBits: Int {
        switch self {
        case .plain: 63
        case .quantized(_, let bits, _, let backoffBits): bits + backoffBits
        }
    }

    var longestBits: Int {
        switch self {
        case .plain: 31
        case .quantized(_, let bits, _, _): bits
        }
    }
}

/// The n-grams of one order, above 1, in records of bits: last word, weights, low bits of the pointer to the next
/// order.
struct TrieLevel {
    /// The indices of the records at which the leading bits of the pointers are 0, 1, 2, …
    struct HighPointers {
        let start: UnsafeRawPointer
        let count: Int

        /// The leading bits of the pointer of record `index`: how many values have begun, less one.
        func value(at index: UInt64) -> UInt64 {
            var (low, high) = (0, count)
            while low < high {
                let middle = low + (high - low) / 2
                let found = start.loadUnaligned(fromByteOffset: middle * 8, as: UInt64.self)
                if found <= index { low = middle + 1 } else { high = middle }
            }
            return UInt64(max(low - 1, 0))
        }
    }

    let records: UnsafeRawPointer
    let count: Int
    let vocabularyCount: Int
    let wordBits: Int
    let recordBits: Int
    let nextBits: Int
    let highPointers: HighPointers?
    let weights: TrieWeights

    static func requiredBits(_ maximum: Int) -> Int { Int.bitWidth - maximum.leadingZeroBitCount }

    /// - Parameter position: in bits, inside the records. `bitCount` is at most 57.
    private func bits(at position: Int, _ bitCount: Int) -> UInt64 {
        let word = UInt64(littleEndian: records.loadUnaligned(fromByteOffset: position >> 3, as: UInt64.self))
        return word >> UInt64(position & 7) & ((1 << UInt64(bitCount)) - 1)
    }

    /// Words are numbered by their hashes, so that they lie evenly: guessing is much faster than halving. What isn't
    /// found after a few guesses is halved, for a file whose words lie otherwise.
    func index(of word: NGramModel.WordIndex, in node: TrieNode) -> Int? {
        var low = Int(min(node.start, UInt64(count)))
        var high = Int(min(node.end, UInt64(count)))
        let word = UInt64(word)
        var (lowWord, highWord) = (UInt64(0), UInt64(vocabularyCount))
        var guesses = 8
        while low < high {
            var middle = low + (high - low) / 2
            if guesses > 0, word >= lowWord, word < highWord {
                guesses -= 1
                let (above, width) = (Double(word - lowWord), Double(highWord - lowWord))
                middle = min(low + Int(above / width * Double(high - low)), high - 1)
            }
            let found = bits(at: middle * recordBits, wordBits)
            if found == word { return middle }
            if found < word { (low, lowWord) = (middle + 1, found + 1) } else { (high, highWord) = (middle, found) }
        }
        return nil
    }

    func weights(_ index: Int) -> (probability: Float, backoff: Float) {
        let position = index * recordBits + wordBits
        switch weights {
        case .plain:
            return (
                Self.negative(bits(at: position, 31)), Float(bitPattern: UInt32(bits(at: position + 31, 32)))
            )
        case .quantized(let probabilities, let bitCount, let backoffs, let backoffBits):
            let probability = Int(bits(at: position + backoffBits, bitCount))
            let backoff = Int(bits(at: position, backoffBits))
            return (
                probabilities.loadUnaligned(fromByteOffset: probability * 4, as: Float.self),
                backoffs.loadUnaligned(fromByteOffset: backoff * 4, as: Float.self)
            )
        }
    }

    func longestProbability(_ index: Int) -> Float {
        let position = index * recordBits + wordBits
        switch weights {
        case .plain: return Self.negative(bits(at: position, 31))
        case .quantized(let probabilities, let bitCount, _, _):
            let offset = Int(bits(at: position, bitCount)) * 4
            return probabilities.loadUnaligned(fromByteOffset: offset, as: Float.self)
        }
    }

    func next(_ index: Int) -> TrieNode {
        let position = (index + 1) * recordBits - nextBits
        var (start, end) = (bits(at: position, nextBits), bits(at: position + recordBits, nextBits))
        if let highPointers {
            start |= highPointers.value(at: UInt64(index)) << UInt64(nextBits)
            end |= highPointers.value(at: UInt64(index) + 1) << UInt64(nextBits)
        }
        return TrieNode(start: start, end: end)
    }

    private static func negative(_ bits: UInt64) -> Float {
        Float(bitPattern: UInt32(bits) | 1 << 31)
    }
}
