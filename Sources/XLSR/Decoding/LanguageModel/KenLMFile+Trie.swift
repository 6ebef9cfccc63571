/// The layout of a trie.
extension KenLMFile {
    mutating func loadTrie() throws -> NGramModel {
        let counts = header.counts
        let hashCount = try take(8, "vocabulary").load(as: UInt64.self)
        let hashes = try take(8 * counts[0], "vocabulary")
        // All words but `<unk>`, which has no hash.
        guard hashCount < UInt64(counts[0]) else {
            throw CheckpointError.malformed(path, "\(hashCount) words, where \(counts[0]) are announced")
        }
        let wordCount = Int(hashCount) + 1
        let weights = header.modelType.isQuantized ? try takeQuantization() : counts.dropFirst().map { _ in .plain }
        // One more in case `<unk>` is missing, and one for the end of the last one's 2-grams.
        let unigrams = try take(TrieSearch.unigramByteCount * (counts[0] + 2), "1-grams")
        let middles = try counts.indices.dropFirst().dropLast().map { index in
            try takeLevel(index, weights: weights[index - 1])
        }
        let longest = try takeLevel(counts.count - 1, weights: weights[counts.count - 2])
        let search = TrieSearch(
            order: counts.count, unigramCount: wordCount, unigrams: unigrams, middles: middles, longest: longest,
            owner: file)
        return try model(.trie(search), .sorted(hashes, count: wordCount - 1), wordCount: wordCount)
    }

    /// The tables of values, one of probabilities and one of back-offs an order.
    private mutating func takeQuantization() throws -> [TrieWeights] {
        let sizes = try take(8, "quantisation")
        let version = sizes.load(as: UInt8.self)
        guard version == 2 else {
            throw KenLMHeader.unsupported(path, "a KenLM trie with quantisation of version \(version)")
        }
        let bits = (
            Int(sizes.load(fromByteOffset: 1, as: UInt8.self)), Int(sizes.load(fromByteOffset: 2, as: UInt8.self))
        )
        guard (1...25).contains(bits.0), (1...25).contains(bits.1) else {
            throw CheckpointError.malformed(
                path, "quantised to \(bits.0) and \(bits.1) bits, where 1 to 25 are possible")
        }
        var weights: [TrieWeights] = []
        for index in header.counts.indices.dropFirst() {
            let isLongest = index == header.counts.count - 1
            let probabilities = try take(4 << bits.0, "quantisation")
            let backoffs = isLongest ? probabilities : try take(4 << bits.1, "quantisation")
            weights.append(
                .quantized(
                    probabilities: probabilities, bits: bits.0, backoffs: backoffs, backoffBits: isLongest ? 0 : bits.1)
            )
        }
        return weights
    }

    /// The n-grams of `index + 1` words.
    private mutating func takeLevel(_ index: Int, weights: TrieWeights) throws -> TrieLevel {
        let part = "\(index + 1)-grams"
        let isLongest = index == header.counts.count - 1
        let count = header.counts[index]
        var nextBits = 0
        var highPointers: TrieLevel.HighPointers?
        if !isLongest {
            let nextCount = header.counts[index + 1]
            nextBits = TrieLevel.requiredBits(nextCount)
            if header.modelType.hasCompressedPointers {
                let choppedBits: Int
                (choppedBits, highPointers) = try takeHighPointers(part, count: count, nextCount: nextCount)
                nextBits -= choppedBits
            }
        }
        let wordBits = TrieLevel.requiredBits(header.counts[0])
        let recordBits = wordBits + (isLongest ? weights.longestBits : weights.middleBits) + nextBits
        // One more record for the last pointer, and room to read eight bytes at any place.
        let (bits, overflow) = (count + 1).multipliedReportingOverflow(by: recordBits)
        let records = try take(overflow ? .max : (bits + 7) / 8 + 8, part)
        return TrieLevel(
            records: records, count: count, vocabularyCount: header.counts[0], wordBits: wordBits,
            recordBits: recordBits, nextBits: nextBits, highPointers: highPointers, weights: weights)
    }

    /// The leading bits of the pointers to the next order, which rise from record to record: where each value begins.
    private mutating func takeHighPointers(
        _ part: String, count: Int, nextCount: Int
    ) throws -> (choppedBits: Int, TrieLevel.HighPointers) {
        let start = position
        let sizes = try take(2, part)
        let version = sizes.load(as: UInt8.self)
        guard version == 0 else {
            throw KenLMHeader.unsupported(path, "a KenLM trie with compressed pointers of version \(version)")
        }
        let limit = Int(sizes.load(fromByteOffset: 1, as: UInt8.self))
        let bits = TrieLevel.requiredBits(nextCount)
        func cost(_ choppedBits: Int) -> Int {
            (nextCount >> (bits - choppedBits)) * 64 - (count + 1) * choppedBits
        }
        // As many bits as make the file smallest.
        let choppedBits = (0...min(bits, limit)).min { cost($0) < cost($1) } ?? 0
        let pointerCount = (nextCount >> (bits - choppedBits)) + 1
        position = start
        let base = try take(8 * (1 + pointerCount) + 7, part)
        // Aligned to eight bytes, in a mapping that starts at a page, after eight bytes of sizes.
        let pointers = base + ((start + 7) / 8 * 8 - start) + 8
        return (choppedBits, TrieLevel.HighPointers(start: pointers, count: pointerCount))
    }
}
