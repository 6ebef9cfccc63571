import Glibc

/// Finds the parts of a KenLM binary, in the order in which they lie in the file; nothing of them is copied.
struct KenLMFile {
    let file: MappedFile
    let path: String
    let header: KenLMHeader
    var position: Int

    static func load(_ file: MappedFile, path: String) throws -> NGramModel {
        let header = try file.withUnsafeBytes { try KenLMHeader($0, path: path) }
        var parts = KenLMFile(file: file, path: path, header: header, position: header.byteCount)
        return header.modelType.isProbing ? try parts.loadProbing() : try parts.loadTrie()
    }

    /// The next `byteCount` bytes, which stay mapped as long as the file object lives.
    mutating func take(_ byteCount: Int, _ part: String) throws -> UnsafeRawPointer {
        try file.withUnsafeBytes { bytes in
            guard byteCount >= 0, byteCount <= bytes.count - position, let start = bytes.baseAddress else {
                throw CheckpointError.malformed(
                    path, "cut off: its \(part) of \(byteCount) bytes start at byte \(position) of \(bytes.count)")
            }
            defer { position += byteCount }
            return start + position
        }
    }

    func model(
        _ search: NGramModel.Search, _ table: NGramVocabulary.Table, wordCount: Int
    ) throws -> NGramModel {
        let vocabulary = NGramVocabulary(
            table: table, count: wordCount, owner: file, texts: try wordTexts(count: wordCount).map { (file, $0) })
        return NGramModel(search, vocabulary: vocabulary, format: header.modelType.format)
    }

    /// The rest of the file.
    private func wordTexts(count: Int) throws -> Range<Int>? {
        guard header.hasWords else { return nil }
        let range = position..<file.byteCount
        let found = file.withUnsafeBytes { bytes in
            bytes[range].starts(with: "<unk>\0".utf8) ? bytes[range].count { $0 == 0 } : nil
        }
        guard let found else {
            throw CheckpointError.malformed(path, "its words aren't where its counts say, at byte \(position)")
        }
        guard found == count else {
            throw CheckpointError.malformed(path, "\(found) words at its end, where \(count) are announced")
        }
        return range
    }
}

// MARK: Probing

extension KenLMFile {
    private mutating func loadProbing() throws -> NGramModel {
        let vocabularyHeader = try take(2 * MemoryLayout<UInt32>.size, "vocabulary")
        let version = vocabularyHeader.load(as: UInt32.self)
        guard version == 0 else {
            throw KenLMHeader.unsupported(path, "a KenLM binary with a vocabulary of version \(version)")
        }
        let wordCount = Int(vocabularyHeader.load(fromByteOffset: 4, as: UInt32.self))
        // Room for `<unk>` even where the count of the words doesn't include it.
        guard (1...header.counts[0] + 1).contains(wordCount) else {
            throw CheckpointError.malformed(path, "\(wordCount) words, where \(header.counts[0]) are announced")
        }
        let words = try takeTable(entries: header.counts[0], valueByteCount: 4, "vocabulary")

        // Probability, back-off and, with rest costs, a third number that only left-to-right search of phrases needs.
        let weightsByteCount = header.modelType == .restProbing ? 12 : 8
        let unigrams = try take((header.counts[0] + 1) * weightsByteCount, "1-grams")
        let middles = try header.counts.indices.dropFirst().dropLast().map { index in
            try takeTable(
                entries: header.counts[index], valueByteCount: weightsByteCount, "\(index + 1)-grams")
        }
        let order = header.counts.count
        let longest = try takeTable(entries: header.counts[order - 1], valueByteCount: 4, "\(order)-grams")
        let search = ProbingSearch(
            order: order, unigramCount: wordCount, unigramStride: weightsByteCount, unigrams: unigrams,
            middles: middles, longest: longest, owners: [file])
        return try model(.probing(search), .probing(words), wordCount: wordCount)
    }

    private mutating func takeTable(entries: Int, valueByteCount: Int, _ part: String) throws -> ProbingTable {
        // Float arithmetic, as KenLM does it; both factors are bounded, and so is the product.
        let bucketCount = max(entries + 1, Int(header.probingMultiplier * Float(entries)))
        let stride = ProbingTable.keyByteCount + valueByteCount
        let (byteCount, overflow) = bucketCount.multipliedReportingOverflow(by: stride)
        return ProbingTable(
            start: try take(overflow ? .max : byteCount, part), bucketCount: bucketCount, stride: stride)
    }
}
