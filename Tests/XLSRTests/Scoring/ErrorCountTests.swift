import Testing
import XLSR

/// The pairs of Fixtures/make_error_counts.py.
private struct TextPairs {
    private static let words = ["a", "be", "sea", "ceé", "tea", "É", "ab ", " of", "ο", "the", "then", "x\ty", "  "]
    private var random: FixtureRandom
    let reference, hypothesis: String

    init(seed: Int) {
        func text(_ random: inout FixtureRandom, _ count: Int) -> String {
            (0..<count).map { _ in Self.words[random.below(Self.words.count)] }.joined(separator: " ")
        }
        random = FixtureRandom(seed: seed)
        let limit = [3, 8, 20, 120][seed % 4]
        reference = text(&random, random.below(limit + 1))
        guard seed.isMultiple(of: 2) else {
            hypothesis = text(&random, random.below(limit + 1))
            return
        }
        var words = reference.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        for _ in 0..<random.below(limit / 2 + 1) {
            let (place, kind) = (random.below(words.count + 1), random.below(3))
            if kind == 0 {
                words.insert(text(&random, 1), at: place)
            } else if place < words.count {
                words.replaceSubrange(place...place, with: kind == 1 ? [text(&random, 1)] : [])
            }
        }
        hypothesis = words.joined(separator: " ")
    }
}

@Suite struct ErrorCountTests {
    @Test func countsAndMeasuresAreThoseOfJiwer() throws {
        let cases = try #require(fixture("error_counts.json")["cases"]?.array)
        #expect(cases.count == 1000)
        var wrong: [Int] = []
        for (seed, golden) in cases.enumerated() {
            let pair = TextPairs(seed: seed)
            let words = WordAlignment(reference: pair.reference, hypothesis: pair.hypothesis).counts
            let characters = ErrorCounts(charactersOf: pair.reference, hypothesis: pair.hypothesis)
            let counts = [words, characters].map { [$0.hits, $0.substitutions, $0.deletions, $0.insertions] }
            let measures = [
                words.errorRate, words.matchErrorRate, words.informationLost, words.informationPreserved,
                characters.errorRate,
            ]
            let expected = try #require(golden.array)
            let isRight =
                counts == expected.prefix(2).map { $0.array?.compactMap(\.int) ?? [] }
                && zip(measures, expected[2].array?.compactMap(\.double) ?? []).allSatisfy { abs($0 - $1) < 1e-9 }
            if !isRight { wrong.append(seed) }
        }
        #expect(wrong.isEmpty)
    }

    @Test func longLinesHaveTheFewestErrors() {
        var random = FixtureRandom(seed: 5)
        let reference = (0..<700).map { _ in ["a", "b", "c", "d"][random.below(4)] }
        let hypothesis = (0..<600).map { _ in ["a", "b", "c", "d"][random.below(4)] }
        // The whole table in the plainest way.
        var row = Array(0...reference.count)
        for (index, element) in hypothesis.enumerated() {
            var next = [index + 1]
            for (column, other) in reference.enumerated() {
                next.append(min(row[column + 1] + 1, next[column] + 1, row[column] + (element == other ? 0 : 1)))
            }
            row = next
        }
        let alignment = WordAlignment(
            reference: reference.joined(separator: " "), hypothesis: hypothesis.joined(separator: " "))
        #expect(alignment.counts.errors == row.last)
        #expect(alignment.counts.referenceCount == 700 && alignment.counts.hypothesisCount == 600)
    }

    @Test func theAlignmentShowsEachError() {
        let alignment = WordAlignment(
            reference: "quite a bit of longer sentence", hypothesis: "quite bit of an even longest sentence here")
        #expect(
            alignment.operations == [.equal, .delete, .equal, .equal, .insert, .insert, .substitute, .equal, .insert])
        #expect(
            alignment.text == """
                REF: quite a bit of ** ****  longer sentence ****
                HYP: quite * bit of an even longest sentence here
                           D         I    I       S             I

                """)
    }

    @Test func emptyTextsAreCountedAsJiwerCountsThem() {
        let silent = WordAlignment(reference: "", hypothesis: " ").counts
        #expect(silent.errorRate == 0 && silent.matchErrorRate == 0 && silent.informationPreserved == 1)
        let invented = WordAlignment(reference: "", hypothesis: "a b").counts
        #expect(invented.errorRate == 2 && invented.matchErrorRate == 1 && invented.informationLost == 1)
        let missed = WordAlignment(reference: "a b", hypothesis: "").counts
        #expect(missed.errorRate == 1 && missed.informationPreserved == 0)
    }
}

@Suite struct TranscriptPairsTests {
    private func pairs(
        _ reference: String, _ hypothesis: String, _ normalization: TranscriptPairs.Normalization = .init()
    ) throws -> [[String]] {
        try TranscriptPairs(
            reference: reference, hypothesis: hypothesis, names: ("ref", "hyp"), normalization: normalization
        ).pairs.map { [$0.name, $0.reference, $0.hypothesis] }
    }

    @Test func linesBelongTogetherByTheirNumbers() throws {
        #expect(try pairs("a\n\nc d\n", "x\ny\nz") == [["1", "a", "x"], ["2", "", "y"], ["3", "c d", "z"]])
        #expect(try pairs("a\r\nb\r\n", "x\ny") == [["1", "a", "x"], ["2", "b", "y"]])
        let error = #expect(throws: TextError.self) { try pairs("a\nb\n", "a\nb\nc\n") }
        #expect(error?.description.hasPrefix("hyp: 3 lines, but ref has 2") == true)
    }

    @Test func idsBelongTogetherInAnyOrder() throws {
        let expected = [["u1", "a b", "a c"], ["u2", "", "x"]]
        #expect(try pairs("u1\ta b\nu2\t\n", "u2\tx\n\nu1\ta c\n") == expected)
        #expect(try pairs("a b (u1)\n(u2)\n", "x (u2)\na c (u1)\n").map { $0[0] } == ["u1", "u2"])
        #expect(try pairs("he laughs (loudly)", "he laughs").map { $0[1] } == ["he laughs (loudly)"])
    }

    @Test(arguments: [
        ("u1\ta\nu2\tb", "u1\ta", "hyp: lacks the id u2, which ref has"),
        ("u1\ta", "u1\ta\nu2\tb\nu3\tc\nu4\td", "ref: lacks the id u2 and 2 others, which hyp has"),
        ("u1\ta\nu1\tb", "u1\ta", "ref: has the id u1 twice"),
        ("u1\ta", "a", "hyp: its lines are not id, tab, text, as those of ref are"),
        ("", "a", "ref: no lines"),
        ("a", "", "hyp: 0 lines, but ref has 1"),
    ])
    func filesThatDoNotFitAreErrors(reference: String, hypothesis: String, message: String) {
        let error = #expect(throws: TextError.self) { try pairs(reference, hypothesis) }
        #expect(error?.description.hasPrefix(message) == true, "\(String(describing: error))")
    }

    @Test func textsAreMadeAlikeAsAsked() throws {
        let both = TranscriptPairs.Normalization(lowercases: true, removesPunctuation: true)
        #expect(try pairs("Ça va? «Oui», 5 $!", "ÇA_VA", both) == [["1", "ça va oui 5 $", "çava"]])
    }
}
