import XLSR

/// The errors of all lines together.
struct ScoreReport {
    struct Line {
        let name: String
        let alignment: WordAlignment

        init(name: String, _ alignment: WordAlignment) {
            (self.name, self.alignment) = (name, alignment)
        }
    }

    let lines: Int
    var words = ErrorCounts()
    var characters = ErrorCounts()
    /// Of lines with errors, where they are asked for.
    var alignments: [Line] = []

    init(lines: Int) {
        self.lines = lines
    }

    var text: String {
        func row(_ name: String, _ rate: String, _ counts: ErrorCounts) -> String {
            padded(name, 12) + "\(rate) \(percent(counts.errorRate, 2)): "
                + "\(counted(counts.substitutions, "substitution")), \(counted(counts.deletions, "deletion")), "
                + "\(counted(counts.insertions, "insertion")), \(counted(counts.hits, "hit"));"
                + " \(counts.referenceCount) in the reference, \(counts.hypothesisCount) in the hypothesis\n"
        }
        let more =
            "MER \(percent(words.matchErrorRate, 2)), WIL \(percent(words.informationLost, 2)),"
            + " WIP \(percent(words.informationPreserved, 2))"
        return alignments.map { "line \($0.name)\n\($0.alignment.text)\n" }.joined()
            + padded("lines", 12) + "\(lines)\n" + row("words", "WER", words)
            + padded("", 12) + more + "\n" + row("characters", "CER", characters)
    }

}

extension ScoreReport: Encodable {
    private enum CodingKeys: String, CodingKey {
        case version, lines, words, characters, alignments
    }

    private enum MeasureKeys: String, CodingKey {
        case wer, mer, wil, wip, cer, hits, substitutions, deletions, insertions, reference, hypothesis, line,
            operations
    }

    func encode(to encoder: any Encoder) throws {
        var object = encoder.container(keyedBy: CodingKeys.self)
        try object.encode(1, forKey: .version)
        try object.encode(lines, forKey: .lines)
        for (counts, key) in [(words, CodingKeys.words), (characters, .characters)] {
            var measures = object.nestedContainer(keyedBy: MeasureKeys.self, forKey: key)
            try measures.encode(counts.errorRate, forKey: key == .words ? .wer : .cer)
            if key == .words {
                try measures.encode(counts.matchErrorRate, forKey: .mer)
                try measures.encode(counts.informationLost, forKey: .wil)
                try measures.encode(counts.informationPreserved, forKey: .wip)
            }
            try measures.encode(counts.hits, forKey: .hits)
            try measures.encode(counts.substitutions, forKey: .substitutions)
            try measures.encode(counts.deletions, forKey: .deletions)
            try measures.encode(counts.insertions, forKey: .insertions)
            try measures.encode(counts.referenceCount, forKey: .reference)
            try measures.encode(counts.hypothesisCount, forKey: .hypothesis)
        }
        guard !alignments.isEmpty else { return }
        var list = object.nestedUnkeyedContainer(forKey: .alignments)
        for line in alignments {
            var object = list.nestedContainer(keyedBy: MeasureKeys.self)
            try object.encode(line.name, forKey: .line)
            try object.encode(line.alignment.reference, forKey: .reference)
            try object.encode(line.alignment.hypothesis, forKey: .hypothesis)
            try object.encode(line.alignment.operations.map { "\($0)" }, forKey: .operations)
        }
    }
}
