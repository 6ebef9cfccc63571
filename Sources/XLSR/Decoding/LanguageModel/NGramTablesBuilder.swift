import TensorEngine

/// Puts n-grams into the tables of a `ProbingSearch`, all of one order before any of the next.
///
/// An n-gram whose last n - 1 words aren't an n-gram of the model (SRILM prunes so) gets them as a blank, whose
/// probability is the one that backing off gives, as in KenLM. Of two equal n-grams the first counts.
final class NGramTablesBuilder {
    let order: Int
    private let unigrams: ZeroedMemory
    private let vocabularyTable: ProbingTableBuilder
    private let tables: [ProbingTableBuilder]
    private var texts = Array("<unk>\0".utf8)
    private var unigramCount = 1
    private var hasUnknown = false

    private static let weightsByteCount = 2 * MemoryLayout<Float>.size
    /// KenLM's probability of a word outside a vocabulary without `<unk>`.
    private static let missingUnknownProbability: Float = -100

    /// - Parameters:
    ///   - capacities: guesses at how many n-grams of each order will come.
    ///   - unigramLimit: more unigrams than that must not come.
    init(capacities: [Int], unigramLimit: Int, path: String) throws {
        order = capacities.count
        unigrams = try ZeroedMemory(byteCount: (unigramLimit + 1) * Self.weightsByteCount, path: path)
        vocabularyTable = try ProbingTableBuilder(
            capacity: capacities[0], valueByteCount: MemoryLayout<NGramModel.WordIndex>.size, path: path)
        tables = try capacities.indices.dropFirst().map { index in
            let isLongest = index == capacities.count - 1
            return try ProbingTableBuilder(
                capacity: capacities[index],
                valueByteCount: isLongest ? MemoryLayout<Float>.size : Self.weightsByteCount, path: path)
        }
    }

    func addUnigram(_ word: UnsafeRawBufferPointer, probability: Float, backoff: Float) throws {
        let isUnknown = word.elementsEqual("<unk>".utf8) || word.elementsEqual("<UNK>".utf8)
        var index = 0
        if isUnknown {
            hasUnknown = true
        } else {
            index = unigramCount
            unigramCount += 1
            let (value, isNew) = try vocabularyTable.insert(murmurHash64A(word))
            if isNew { value.storeBytes(of: NGramModel.WordIndex(index), as: NGramModel.WordIndex.self) }
            texts.append(contentsOf: word)
            texts.append(0)
        }
        let backoff = order == 1 ? NGramEntry.noExtension : backoff
        store(probability, backoff: backoff, at: unigrams.start + index * Self.weightsByteCount)
    }

    func index(ofHash hash: UInt64) -> NGramModel.WordIndex {
        vocabularyTable.find(hash)?.loadUnaligned(as: NGramModel.WordIndex.self) ?? 0
    }

    /// - Parameter words: two or more, the last word of the n-gram first.
    /// - Returns: false when the context, all words but the last, isn't in the model.
    func addNGram(_ words: UnsafeBufferPointer<NGramModel.WordIndex>, probability: Float, backoff: Float) throws -> Bool
    {
        let count = words.count
        let (value, isNew) = try tables[count - 2].insert(Self.key(words))
        if isNew {
            store(
                probability.sign == .plus ? -probability : probability, backoff: count == order ? nil : backoff,
                at: value)
        }
        try extendSuffixes(of: words)
        return markContext(of: words)
    }

    /// Marks the n-gram without its first word as one that is extended to the left, and puts it in where it's missing.
    private func extendSuffixes(of words: UnsafeBufferPointer<NGramModel.WordIndex>) throws {
        // The longest suffix that is there already.
        var known = words.count - 1
        var knownEntry = unigrams.start + Int(words[0]) * Self.weightsByteCount
        while known > 1 {
            let (value, isNew) = try tables[known - 2].insert(Self.key(words, count: known))
            if !isNew {
                knownEntry = value
                break
            }
            store(0, backoff: NGramEntry.noExtension, at: value)
            known -= 1
        }
        var probability = -abs(knownEntry.loadUnaligned(as: Float.self))
        knownEntry.storeBytes(of: -probability, as: Float.self)
        for count in (known + 1)..<max(words.count, known + 1) {
            let context = UnsafeBufferPointer(rebasing: words.dropFirst())
            if let entry = entry(context, count: count - 1) { probability += Self.extendedBackoff(of: entry) }
            entry(words, count: count)?.storeBytes(of: abs(probability), as: Float.self)
        }
    }

    private func markContext(of words: UnsafeBufferPointer<NGramModel.WordIndex>) -> Bool {
        let context = UnsafeBufferPointer(rebasing: words.dropFirst())
        guard let entry = entry(context, count: context.count) else { return false }
        _ = Self.extendedBackoff(of: entry)
        return true
    }

    /// The weights of the n-gram that the first `count` of `words` make.
    private func entry(
        _ words: UnsafeBufferPointer<NGramModel.WordIndex>, count: Int
    ) -> UnsafeMutableRawPointer? {
        count == 1
            ? unigrams.start + Int(words[0]) * Self.weightsByteCount
            : tables[count - 2].find(Self.key(words, count: count))
    }

    private static func key(_ words: UnsafeBufferPointer<NGramModel.WordIndex>, count: Int? = nil) -> UInt64 {
        words.prefix(count ?? words.count).dropFirst().reduce(UInt64(words[0]), ProbingSearch.combine)
    }

    /// The back-off of an n-gram that others begin with.
    private static func extendedBackoff(of entry: UnsafeMutableRawPointer) -> Float {
        let address = entry + MemoryLayout<Float>.size
        let backoff = address.loadUnaligned(as: Float.self)
        // -0.0 to 0.0.
        if backoff == 0 { address.storeBytes(of: 0, as: Float.self) }
        return backoff
    }

    private func store(_ probability: Float, backoff: Float?, at address: UnsafeMutableRawPointer) {
        address.storeBytes(of: probability, as: Float.self)
        if let backoff { (address + MemoryLayout<Float>.size).storeBytes(of: backoff, as: Float.self) }
    }

    func model(_ format: NGramModel.Format) -> NGramModel {
        if !hasUnknown {
            // As KenLM has it: a back-off of +0.0, so that the state after the word holds it.
            store(Self.missingUnknownProbability, backoff: 0, at: unigrams.start)
        }
        let search = ProbingSearch(
            order: order, unigramCount: unigramCount, unigramStride: Self.weightsByteCount,
            unigrams: UnsafeRawPointer(unigrams.start), middles: tables.dropLast().map(\.table),
            longest: tables.last?.table, owners: [unigrams] + tables.map(\.memory))
        let vocabulary = NGramVocabulary(
            table: .probing(vocabularyTable.table), count: unigramCount, owner: vocabularyTable.memory,
            texts: (ArrayMemory(texts), texts.indices))
        return NGramModel(.probing(search), vocabulary: vocabulary, format: format)
    }
}
