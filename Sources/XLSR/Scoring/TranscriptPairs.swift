/// References and hypotheses that belong together.
public struct TranscriptPairs: Sendable {
    public struct Pair: Sendable {
        /// The id that both files give, or the number of the line.
        public let name: String
        public let reference: String
        public let hypothesis: String
    }

    /// How texts are made alike before they are compared.
    public struct Normalization: Hashable, Sendable {
        public var lowercases = false
        /// Drops every character of Unicode's punctuation categories, as jiwer's `RemovePunctuation`.
        public var removesPunctuation = false

        public init(lowercases: Bool = false, removesPunctuation: Bool = false) {
            (self.lowercases, self.removesPunctuation) = (lowercases, removesPunctuation)
        }
    }

    /// In the reference's order.
    public let pairs: [Pair]

    /// Pairs two files' texts: by id where each line of both is `id<TAB>text`, or `text (id)` as in NIST's trn files;
    /// otherwise line by line.
    /// - Parameter names: what the files are called in errors.
    /// - Throws: `TextError` for files that don't fit each other (`.unpaired`), and for a reference without a line.
    public init(
        reference: String, hypothesis: String, names: (reference: String, hypothesis: String),
        normalization: Normalization = Normalization()
    ) throws {
        let texts = [Self.lines(of: reference), Self.lines(of: hypothesis)]
        guard !texts[0].isEmpty else {
            throw TextError(.empty, source: names.reference, "no lines, so nothing to compare with")
        }
        let pairs: [Pair]
        if let first = Self.ids(in: texts[0], Self.tabbed), let second = Self.ids(in: texts[1], Self.tabbed) {
            pairs = try Self.pairs(first, second, names)
        } else if let first = Self.ids(in: texts[0], Self.trn), let second = Self.ids(in: texts[1], Self.trn) {
            pairs = try Self.pairs(first, second, names)
        } else {
            for (own, other) in [(0, 1), (1, 0)]
            where Self.ids(in: texts[own], Self.tabbed) != nil && !texts[other].isEmpty {
                let named = [names.reference, names.hypothesis]
                throw TextError(
                    .unpaired, source: named[other],
                    "its lines are not id, tab, text, as those of \(named[own]) are")
            }
            guard texts[0].count == texts[1].count else {
                throw TextError(
                    .unpaired, source: names.hypothesis,
                    "\(texts[1].count) line\(texts[1].count == 1 ? "" : "s"), but \(names.reference) has \(texts[0].count)",
                    remedy: "write an empty line for a transcript that is empty, or id, tab, text in both files")
            }
            pairs = zip(texts[0], texts[1]).enumerated().map { index, lines in
                Pair(name: "\(index + 1)", reference: lines.0, hypothesis: lines.1)
            }
        }
        self.pairs = pairs.map { pair in
            Pair(
                name: pair.name, reference: normalization.apply(to: pair.reference),
                hypothesis: normalization.apply(to: pair.hypothesis))
        }
    }

    /// The last line needs no end.
    private static func lines(of text: String) -> [String] {
        var lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }.map(String.init)
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines
    }

    /// Nil unless every line that isn't blank has an id.
    private static func ids(
        in lines: [String], _ parse: (String) -> (id: String, text: String)?
    ) -> [(id: String, text: String)]? {
        let filled = lines.filter { !$0.allSatisfy(\.isWhitespace) }
        let parsed = filled.compactMap(parse)
        return parsed.count == filled.count && !parsed.isEmpty ? parsed : nil
    }

    private static func tabbed(_ line: String) -> (id: String, text: String)? {
        line.firstIndex(of: "\t").map { (String(line[..<$0]), String(line[line.index(after: $0)...])) }
    }

    private static func trn(_ line: String) -> (id: String, text: String)? {
        guard let open = line.lastIndex(of: "("), line.last == ")" else { return nil }
        let id = line[line.index(after: open)...].dropLast()
        return id.isEmpty || id.contains(where: \.isWhitespace) ? nil : (String(id), String(line[..<open]))
    }

    private static func pairs(
        _ reference: [(id: String, text: String)], _ hypothesis: [(id: String, text: String)],
        _ names: (reference: String, hypothesis: String)
    ) throws -> [Pair] {
        func byID(_ texts: [(id: String, text: String)], _ name: String) throws -> [String: String] {
            try texts.reduce(into: [:]) { result, line in
                guard result.updateValue(line.text, forKey: line.id) == nil else {
                    throw TextError(.unpaired, source: name, "has the id \(line.id) twice")
                }
            }
        }
        func requireAll(_ ids: [String], in texts: [String: String], _ name: String, _ other: String) throws {
            let missing = ids.filter { texts[$0] == nil }
            guard let first = missing.first else { return }
            let rest = missing.count > 1 ? " and \(missing.count - 1) other\(missing.count > 2 ? "s" : "")" : ""
            throw TextError(.unpaired, source: name, "lacks the id \(first)\(rest), which \(other) has")
        }
        let (references, hypotheses) = (try byID(reference, names.reference), try byID(hypothesis, names.hypothesis))
        try requireAll(reference.map(\.id), in: hypotheses, names.hypothesis, names.reference)
        try requireAll(hypothesis.map(\.id), in: references, names.reference, names.hypothesis)
        return reference.map { Pair(name: $0.id, reference: $0.text, hypothesis: hypotheses[$0.id] ?? "") }
    }
}

extension TranscriptPairs.Normalization {
    func apply(to text: String) -> String {
        guard lowercases || removesPunctuation else { return text }
        let scalars = CodePoints(text)
        let kept = removesPunctuation ? scalars.filter { !$0.isPunctuation } : scalars
        return (lowercases ? kept.lowercased() : kept).string
    }
}

extension Unicode.Scalar {
    /// Unicode's categories P*.
    fileprivate var isPunctuation: Bool {
        switch properties.generalCategory {
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
            .finalPunctuation, .otherPunctuation:
            true
        default: false
        }
    }
}
