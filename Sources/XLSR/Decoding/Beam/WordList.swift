/// A set of words that is walked a character at a time: what can a partial word still become?
///
/// The words lie sorted, so the words with a common beginning are a range, which each further byte narrows.
struct WordList: Sendable {
    /// The words that begin with the same `byteCount` bytes.
    struct Prefix: Hashable, Sendable {
        fileprivate(set) var words: Range<Int32>
        fileprivate(set) var byteCount: Int32

        var isEmpty: Bool { words.isEmpty }
    }

    private let bytes: [UInt8]
    /// Word `i` is `bytes[offsets[i] ..< offsets[i + 1]]`.
    private let offsets: [Int]

    /// The different ones of some words, by their UTF-8.
    init(_ words: some Sequence<some Collection<UInt8>>) {
        var (all, ranges): ([UInt8], [Range<Int>]) = ([], [])
        for word in words {
            let start = all.count
            all.append(contentsOf: word)
            ranges.append(start..<all.count)
        }
        ranges.sort { all[$0].lexicographicallyPrecedes(all[$1]) }
        var (bytes, offsets): ([UInt8], [Int]) = ([], [0])
        bytes.reserveCapacity(all.count)
        var last: Range<Int>?
        for range in ranges.prefix(Int(Int32.max)) {
            if let last, all[last].elementsEqual(all[range]) { continue }
            bytes.append(contentsOf: all[range])
            offsets.append(bytes.count)
            last = range
        }
        (self.bytes, self.offsets) = (bytes, offsets)
    }

    init(_ words: some Sequence<String>) { self.init(words.lazy.map { Array($0.utf8) }) }

    var count: Int { offsets.count - 1 }
    var isEmpty: Bool { count == 0 }

    /// All words.
    var root: Prefix { Prefix(words: 0..<Int32(count), byteCount: 0) }

    func word(_ index: Int) -> String { String(decoding: bytes[offsets[index]..<offsets[index + 1]], as: UTF8.self) }

    func contains(_ word: String) -> Bool { isWord(word.unicodeScalars.reduce(root, extended)) }

    func extended(_ prefix: Prefix, by scalar: Unicode.Scalar) -> Prefix {
        var prefix = prefix
        for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter where !prefix.isEmpty {
            prefix.words = narrowed(prefix, to: byte)
            prefix.byteCount += 1
        }
        return prefix
    }

    /// Whether the prefix is itself a word; a word comes before those that it begins.
    func isWord(_ prefix: Prefix) -> Bool {
        !prefix.isEmpty && byteCount(prefix.words.lowerBound) == Int(prefix.byteCount)
    }

    private func byteCount(_ word: Int32) -> Int { offsets[Int(word) + 1] - offsets[Int(word)] }

    private func narrowed(_ prefix: Prefix, to byte: UInt8) -> Range<Int32> {
        let depth = Int(prefix.byteCount)
        func first(in range: Range<Int32>, where isAtLeast: (UInt8) -> Bool) -> Int32 {
            var (low, high) = (range.lowerBound, range.upperBound)
            while low < high {
                let middle = low + (high - low) / 2
                if byteCount(middle) > depth, isAtLeast(bytes[offsets[Int(middle)] + depth]) {
                    high = middle
                } else {
                    low = middle + 1
                }
            }
            return low
        }
        let lower = first(in: prefix.words) { $0 >= byte }
        return lower..<first(in: lower..<prefix.words.upperBound) { $0 > byte }
    }
}
