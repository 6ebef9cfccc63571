/// One of the texts that a beam search found.
public struct BeamHypothesis: Hashable, Sendable {
    /// A word or token with the frames on which it was heard.
    public struct Piece: Hashable, Sendable {
        public let text: String
        public let frames: Range<Int>
        /// The mean, over the frames on which its tokens were heard, of their probabilities; 0 to 1.
        public let confidence: Double
    }

    /// Words with a space between them.
    public let text: String
    public let words: [Piece]
    /// The tokens of the words and the delimiters between them.
    public let tokens: [Piece]
    /// Natural logarithm of the probability of all paths that were merged: pyctcdecode's `logit_score`.
    public let acousticScore: Double
    /// What language model and hotwords added.
    public let languageScore: Double
    /// What hypotheses are ranked by: pyctcdecode's `lm_score`.
    public var totalScore: Double { acousticScore + languageScore }
}

extension BeamHypothesis {
    init(_ ending: BeamSearch.Ending, _ alphabet: BeamAlphabet) {
        var groups = Self.groups(of: ending.emissions, alphabet)
        if ending.isCut, groups.last?.isOpen == true { groups.removeLast() }
        // Frames follow each other as words do, even where a token holds a space.
        let spoken = groups.filter { !$0.isDelimiter && !$0.text.isEmpty }
        let texts = CodePoints(spoken.map(\.text).joined(separator: [" "])).splitAtWhitespace()
        text = CodePoints(texts.joined(separator: [" "])).string
        words = zip(texts, spoken).map { Self.piece($0.string, $1.emissions) }
        tokens = groups.flatMap { group in
            group.emissions.compactMap { emission in
                let token = alphabet.tokens[Int(emission.token)]
                let text = emission.startsWord ? token.opening : token.text
                return text.isEmpty ? nil : Self.piece(text.string, [emission])
            }
        }
        acousticScore = ending.logProbability
        languageScore = ending.score - ending.logProbability
    }

    /// The tokens of a word, or a delimiter.
    private struct Group {
        var text: CodePoints
        var emissions: ArraySlice<Emission>
        let isDelimiter: Bool
        /// Whether nothing came after it.
        var isOpen = true
    }

    private static func groups(of emissions: [Emission], _ alphabet: BeamAlphabet) -> [Group] {
        var groups: [Group] = []
        for (index, emission) in emissions.enumerated() {
            let token = alphabet.tokens[Int(emission.token)]
            let text = emission.startsWord ? token.opening : token.text
            if let last = groups.indices.last, !token.isDelimiter, !groups[last].isDelimiter, !emission.startsWord {
                groups[last].text += text
                groups[last].emissions = emissions[groups[last].emissions.startIndex...index]
            } else {
                groups.append(Group(text: text, emissions: emissions[index...index], isDelimiter: token.isDelimiter))
            }
        }
        for index in groups.indices.dropLast() { groups[index].isOpen = false }
        if let last = groups.last, last.isDelimiter { groups[groups.count - 1].isOpen = false }
        return groups
    }

    private static func piece(_ text: String, _ emissions: ArraySlice<Emission>) -> Piece {
        let (start, end) = (emissions.first?.start ?? 0, emissions.last?.end ?? 0)
        let (sum, count) = emissions.reduce((0.0, 0)) { ($0.0 + $1.probabilitySum, $0.1 + $1.frameCount) }
        return Piece(text: text, frames: start..<max(start, end), confidence: count > 0 ? min(sum / Double(count), 1) : 0)
    }
}

extension Transcript {
    /// The first hypothesis, with frames `a ..< b` as the seconds `a · secondsPerFrame ..< b · secondsPerFrame`.
    /// - Parameter alternativeCount: of how many hypotheses, the first included, to keep text and scores.
    public init(_ hypotheses: [BeamHypothesis], secondsPerFrame: Double, alternativeCount: Int = 0) {
        func timed(_ pieces: [BeamHypothesis.Piece]?) -> [TimedText] {
            (pieces ?? []).map { piece in
                TimedText(
                    text: piece.text, start: Double(piece.frames.lowerBound) * secondsPerFrame,
                    end: Double(piece.frames.upperBound) * secondsPerFrame, confidence: piece.confidence)
            }
        }
        let best = hypotheses.first
        self.init(
            text: best?.text ?? "", words: timed(best?.words), characters: timed(best?.tokens),
            alternatives: hypotheses.prefix(max(0, alternativeCount)).map { hypothesis in
                Alternative(
                    text: hypothesis.text, acousticScore: hypothesis.acousticScore,
                    languageScore: hypothesis.languageScore, totalScore: hypothesis.totalScore)
            })
    }
}
