import XLSR

extension Command {
    static let score = Command(
        name: "score",
        summary: "Counts the errors of transcripts: word and character error rates.",
        operands: Operands(
            synopsis: "REF HYP", help: "what was said, and what was heard: text files in UTF-8; - is standard input",
            limit: 2),
        options: [.alignment, .lowercase, .removePunctuation, .json],
        notes: [
            """
            Texts are paired line by line; or by id, where every line of both files is an id, a tab and a text (as \
            `xlsr run` writes it for several inputs) or a text and (an id) at its end, as in NIST's trn files.
            """,
            """
            Words are what spaces part; characters count with the spaces between words. Errors are counted as jiwer \
            counts them, over all lines together: WER and CER are substitutions, deletions and insertions per word or \
            character of the reference, MER those per word of either, WIP the share of the reference that is right \
            times that of the hypothesis, WIL the rest.
            """,
            """
            Time grows with the product of the lengths of a line and its other: a book on one line takes minutes.
            """,
        ],
        examples: [
            Example("xlsr score truth.txt heard.txt", "rates of all lines together"),
            Example(
                "xlsr score --align --lowercase --remove-punctuation truth.txt heard.txt", "each error in its line"),
            Example("xlsr run *.wav | xlsr score --json truth.tsv -", "for programs"),
        ],
        perform: { arguments in
            let files = arguments.operands
            guard files.count == 2 else { throw UsageError("score needs two files: REF and HYP") }
            guard files != ["-", "-"] else { throw UsageError("- can be read only once") }
            let names = files.map { $0 == "-" ? "standard input" : $0 }
            let pairs = try TranscriptPairs(
                reference: TextFile.read(files[0]), hypothesis: TextFile.read(files[1]), names: (names[0], names[1]),
                normalization: .init(
                    lowercases: arguments.has(.lowercase), removesPunctuation: arguments.has(.removePunctuation))
            ).pairs
            defer { ProgressBar.clear() }
            var report = ScoreReport(lines: pairs.count)
            for (index, pair) in pairs.enumerated() {
                let words = WordAlignment(reference: pair.reference, hypothesis: pair.hypothesis)
                report.words += words.counts
                report.characters += ErrorCounts(charactersOf: pair.reference, hypothesis: pair.hypothesis)
                if arguments.has(.alignment), words.counts.errors > 0 {
                    report.alignments.append(.init(name: pair.name, words))
                }
                ProgressBar.show("lines", index + 1, of: pairs.count)
            }
            try Terminal.printResult(arguments.has(.json) ? jsonDocument(report) : report.text)
            return true
        })
}

extension Option {
    static let alignment = Option("--align", "show each line that has errors, word by word")
    static let lowercase = Option("--lowercase", "compare in lower case")
    static let removePunctuation = Option("--remove-punctuation", "compare without punctuation")
}
