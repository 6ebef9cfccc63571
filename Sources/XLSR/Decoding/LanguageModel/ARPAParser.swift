import Glibc

/// Reads an ARPA file that comes in pieces, line by line, as strictly as KenLM does.
///
///     \data\
///     ngram 1=4
///     ngram 2=3
///
///     \1-grams:
///     -1.2 <TAB> word <TAB> -0.3
///     …
///     \end\
struct ARPAParser {
    static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
    /// No line of text is near it; without a limit a file without line ends would be kept whole.
    private static let lineByteLimit = 1 << 16

    let path: String
    /// The bytes that the n-grams of further orders may have at most.
    private var remainingByteCount: Int
    private let expectedByteCount: Int
    private var section = Section.start
    private var counts: [Int] = []
    private var builder: NGramTablesBuilder?
    private var lineNumber = 0
    private var partialLine: [UInt8] = []
    private var words = InlineArray<6, NGramModel.WordIndex>(repeating: 0)

    private enum Section {
        case start
        case counts
        /// After the n-grams of this order, or after the counts for 0.
        case between(Int)
        case ngrams(order: Int, read: Int)
        case end
    }

    /// - Parameters:
    ///   - byteLimit: the bytes that the text can have at most; counts that need more are lies.
    ///   - expectedByteCount: the bytes that it may well have; no table is made for more before they have come.
    init(path: String, byteLimit: Int, expectedByteCount: Int) {
        self.path = path
        remainingByteCount = byteLimit
        self.expectedByteCount = expectedByteCount
    }

    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    mutating func consume(_ bytes: UnsafeRawBufferPointer) throws {
        var start = 0
        while start < bytes.count {
            let found = bytes.baseAddress.flatMap { memchr($0 + start, 0x0A, bytes.count - start) }
            guard let found, let base = bytes.baseAddress else {
                partialLine.append(contentsOf: bytes[start...])
                if partialLine.count > Self.lineByteLimit { throw malformed("a line without an end") }
                return
            }
            let end = base.distance(to: UnsafeRawPointer(found))
            if partialLine.isEmpty {
                try readLine(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
            } else {
                partialLine.append(contentsOf: bytes[start..<end])
                try readPartialLine()
            }
            start = end + 1
        }
    }

    mutating func finish(_ format: NGramModel.Format) throws -> NGramModel {
        if !partialLine.isEmpty { try readPartialLine() }
        guard case .end = section, let builder else {
            let place =
                switch section {
                case .start, .counts: "among its counts"
                case .between(let order): "where \(header(after: order)) should come"
                case .ngrams(let order, let read): "after \(read) of \(counts[order - 1]) \(order)-grams"
                case .end: "at its end"
                }
            throw malformed("cut off \(place)")
        }
        let model = builder.model(format)
        for (word, index) in [("<s>", model.beginOfSentence), ("</s>", model.endOfSentence)] where index == 0 {
            throw CheckpointError(
                .malformed, path: path, "the word \(word) is missing",
                remedy: "build the model from sentences, with <s> and </s>")
        }
        return model
    }

    private mutating func readPartialLine() throws {
        let line = partialLine
        partialLine.removeAll(keepingCapacity: true)
        try line.withUnsafeBytes { try readLine($0) }
    }

    private mutating func readLine(_ line: UnsafeRawBufferPointer) throws {
        lineNumber += 1
        if case .ngrams(let order, let read) = section, line.first != UInt8(ascii: "\\") {
            var fields = ARPAFields(line)
            guard let number = fields.next() else { return }
            try readNGram(order, number, fields)
            section = read + 1 == counts[order - 1] ? .between(order) : .ngrams(order: order, read: read + 1)
            return
        }
        var text = line[...]
        if lineNumber == 1, text.starts(with: Self.byteOrderMark) { text = text.dropFirst(Self.byteOrderMark.count) }
        while let last = text.last, Self.isSpace(last) { text = text.dropLast() }
        try readHeading(text.drop(while: Self.isSpace))
    }

    private mutating func readHeading(_ line: Slice<UnsafeRawBufferPointer>) throws {
        switch section {
        case .start:
            if line.isEmpty || line.first == UInt8(ascii: "#") { return }
            if line.starts(with: "mmap lm".utf8) {
                throw LanguageModelFile.unsupported(path, "a compressed KenLM binary", remedy: "unpack it")
            }
            guard line.elementsEqual("\\data\\".utf8) else { throw malformed("\\data\\ expected") }
            section = .counts
        case .counts:
            if !line.isEmpty { return try readCount(line) }
            // Some writers leave a line free after \data\.
            if counts.isEmpty { return }
            let capacities = zip(counts, 1...).map { count, order in
                min(count, expectedByteCount / Self.leastByteCount(order))
            }
            builder = try NGramTablesBuilder(capacities: capacities, unigramLimit: counts[0], path: path)
            section = .between(0)
        case .between(let order):
            if line.isEmpty { return }
            guard line.elementsEqual(header(after: order).utf8) else {
                let more =
                    order > 0 ? ": there are more \(order)-grams than the \(counts[order - 1]) of the header" : ""
                let isHeading = line.first == UInt8(ascii: "\\")
                throw malformed("\(header(after: order)) expected" + (isHeading ? "" : more))
            }
            if order == counts.count {
                section = .end
            } else {
                section = counts[order] == 0 ? .between(order + 1) : .ngrams(order: order + 1, read: 0)
            }
        case .ngrams(let order, let read):
            throw malformed("only \(read) of the \(counts[order - 1]) \(order)-grams of the header")
        case .end:
            if !line.isEmpty { throw malformed("text after \\end\\") }
        }
    }

    private func header(after order: Int) -> String { order == counts.count ? "\\end\\" : "\\\(order + 1)-grams:" }

    private mutating func readCount(_ line: Slice<UnsafeRawBufferPointer>) throws {
        let parts = String(decoding: line, as: UTF8.self).split { " \t=".contains($0) }
        guard parts.count == 3, parts[0] == "ngram", let order = Int(parts[1]), let count = Int(parts[2]), count >= 0
        else {
            throw malformed("not a count such as \"ngram 1=1000\"")
        }
        guard order == counts.count + 1 else { throw malformed("the count of order \(counts.count + 1) expected") }
        guard order <= NGramModel.maximumOrder else {
            throw CheckpointError(
                .languageModel, path: path, "its order is above \(NGramModel.maximumOrder)",
                remedy: "build a model of lower order; beyond 5 little is gained")
        }
        guard count <= remainingByteCount / Self.leastByteCount(order), count < NGramModel.WordIndex.max else {
            throw malformed("\(count) \(order)-grams can't be in a file of this size")
        }
        remainingByteCount -= count * Self.leastByteCount(order)
        counts.append(count)
    }

    /// A number, the words, and a space or a line end after each.
    private static func leastByteCount(_ order: Int) -> Int { 2 + 2 * order }

    private mutating func readNGram(_ order: Int, _ number: UnsafeRawBufferPointer, _ fields: ARPAFields) throws {
        var fields = fields
        guard let probability = ARPANumber.float(number) else { throw malformed("not a number where one is expected") }
        guard probability <= 0 else { throw malformed("\(probability) is a positive log-probability") }
        if order == 1 {
            guard let word = fields.next() else { throw malformed("a word is missing") }
            let backoff = try readBackoff(&fields, order)
            return try builder?.addUnigram(word, probability: probability, backoff: backoff) ?? ()
        }
        for index in (0..<order).reversed() {
            guard let word = fields.next() else { throw malformed("fewer than \(order) words") }
            words[index] = builder?.index(ofHash: murmurHash64A(word)) ?? 0
        }
        let backoff = try readBackoff(&fields, order)
        // Not by `self`, which the closure would copy.
        let builder = builder
        let isAdded = try words.span.extracting(first: order).withUnsafeBufferPointer { words in
            try builder?.addNGram(words, probability: probability, backoff: backoff) ?? false
        }
        guard isAdded else {
            throw malformed("the first \(order - 1) words of this \(order)-gram are no \(order - 1)-gram of the model")
        }
    }

    /// The number after the words, if there is one.
    private func readBackoff(_ fields: inout ARPAFields, _ order: Int) throws -> Float {
        guard let number = fields.next() else { return NGramEntry.noExtension }
        guard let backoff = ARPANumber.float(number), backoff.isFinite, fields.next() == nil else {
            throw malformed("a finite back-off and a line end expected after the words")
        }
        guard order < counts.count || order == 1 || backoff == 0 else {
            throw malformed("a back-off for an n-gram of the highest order")
        }
        return backoff == 0 ? NGramEntry.noExtension : backoff
    }

    private func malformed(_ detail: String) -> CheckpointError {
        CheckpointError(
            .malformed, path: path, "\(detail) (line \(lineNumber))", remedy: "download the file again or rebuild it")
    }
}
