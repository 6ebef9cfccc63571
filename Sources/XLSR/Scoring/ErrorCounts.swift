/// How a hypothesis differs from its reference, and the measures that follow: those of jiwer.
public struct ErrorCounts: Hashable, Sendable {
    public var hits = 0
    public var substitutions = 0
    public var deletions = 0
    public var insertions = 0

    public init() {}

    public init(_ operations: some Sequence<EditOperation>) {
        for operation in operations {
            switch operation {
            case .equal: hits += 1
            case .substitute: substitutions += 1
            case .delete: deletions += 1
            case .insert: insertions += 1
            }
        }
    }

    /// Characters of two texts without the whitespace around them; those inside count.
    public init(charactersOf reference: String, hypothesis: String) {
        self.init(
            editOperations(
                reference: CodePoints(reference).strippingWhitespace(),
                hypothesis: CodePoints(hypothesis).strippingWhitespace()))
    }

    public static func += (counts: inout ErrorCounts, other: ErrorCounts) {
        counts.hits += other.hits
        counts.substitutions += other.substitutions
        counts.deletions += other.deletions
        counts.insertions += other.insertions
    }

    public var errors: Int { substitutions + deletions + insertions }
    public var referenceCount: Int { hits + substitutions + deletions }
    public var hypothesisCount: Int { hits + substitutions + insertions }

    /// Errors per element of the reference, so it may be above 1; without any reference, their number.
    public var errorRate: Double { Double(errors) / Double(max(1, referenceCount)) }

    /// Errors per element of either (match error rate), 0 to 1.
    public var matchErrorRate: Double { errors == 0 ? 0 : Double(errors) / Double(hits + errors) }

    /// Hits per element of the reference, times hits per element of the hypothesis; 1 when both are empty.
    public var informationPreserved: Double {
        if referenceCount == 0, hypothesisCount == 0 { return 1 }
        guard referenceCount > 0, hypothesisCount > 0 else { return 0 }
        return Double(hits) / Double(referenceCount) * (Double(hits) / Double(hypothesisCount))
    }

    public var informationLost: Double { 1 - informationPreserved }
}

/// A hypothesis beside its reference, word by word. Words are compared by code points.
public struct WordAlignment: Hashable, Sendable {
    public let reference: [String]
    public let hypothesis: [String]
    public let operations: [EditOperation]

    public init(reference: String, hypothesis: String) {
        let (words, heard) = (Self.words(of: reference), Self.words(of: hypothesis))
        operations = editOperations(reference: words, hypothesis: heard)
        (self.reference, self.hypothesis) = (words.map(\.string), heard.map(\.string))
    }

    public var counts: ErrorCounts { ErrorCounts(operations) }

    /// What spaces part, as jiwer has it: two and more whitespace characters are one space, a single tab is none.
    private static func words(of text: String) -> [CodePoints] {
        var spaced = CodePoints()
        let scalars = CodePoints(text).strippingWhitespace()
        for (index, scalar) in scalars.enumerated() {
            let isSpace = scalar.isPythonWhitespace
            let isBeside: (Int) -> Bool = { scalars.indices.contains($0) && scalars[$0].isPythonWhitespace }
            spaced.append(isSpace && (isBeside(index - 1) || isBeside(index + 1)) ? " " : scalar)
        }
        return spaced.split(separator: " ").map { CodePoints($0) }
    }

    /// Two lines of words, one above the other, and one that says `S`, `D` or `I` below each error.
    public var text: String {
        var lines = ["REF:", "HYP:", "    "]
        var (words, heard) = (reference[...], hypothesis[...])
        for operation in operations {
            let word = operation == .insert ? nil : words.popFirst()
            let other = operation == .delete ? nil : heard.popFirst()
            let width = max(word?.count ?? 0, other?.count ?? 0)
            let mark = ["", "S", "D", "I"][Int(operation.rawValue)]
            let gap = String(repeating: "*", count: width)
            let columns = [word ?? gap, other ?? gap, mark]
            for (line, column) in columns.enumerated() {
                lines[line] += " " + String(repeating: " ", count: max(0, width - column.count)) + column
            }
        }
        return lines.map { $0 + "\n" }.joined()
    }
}
