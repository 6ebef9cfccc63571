/// One of the texts that a beam search found.
public struct BeamHypothesis: Hashable, Sendable {
    /// A word or token with the frames on which it was heard.
    public struct Piece: Hashable, Sendable {
        public let text: String
        public let frames: Range<Int>
        /// The mean, over the frames on which the most probable path has its tokens, of their probabilities; 0 to 1.
        public let confidence: Double
    }

    /// Words with a space between them.
    public let text: String
    /// With the frames that pyctcdecode gives, which are those of the path that was merged last.
    public let words: [Piece]
    /// The tokens of the words and the delimiters between them, as the most probable path has them.
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
        let latest = Self.groups(of: ending.latest, isCut: ending.isCut, alphabet)
        let likeliest = Self.groups(of: ending.likeliest, isCut: ending.isCut, alphabet)
        // Frames follow each other as words do, even where a token holds a space.
        let (spoken, confident) = (latest.filter(\.isWord), likeliest.filter(\.isWord))
        let texts = CodePoints(spoken.map(\.text).joined(separator: [" "])).splitAtWhitespace()
        text = CodePoints(texts.joined(separator: [" "])).string
        words = zip(texts, spoken.indices).map { text, index in
            let group = confident.count == spoken.count ? confident[index] : spoken[index]
            return Self.piece(text.string, spoken[index].emissions, confidence: Self.confidence(group.emissions))
        }
        tokens = likeliest.flatMap(\.emissions).compactMap { emission in
            let text = Self.text(of: emission, alphabet)
            return text.isEmpty ? nil : Self.piece(text.string, [emission], confidence: Self.confidence([emission]))
        }
        acousticScore = ending.logProbability
        languageScore = ending.score - ending.logProbability
    }

    /// The tokens of a word, or a delimiter.
    private struct Group {
        var text: CodePoints
        var emissions: ArraySlice<Emission>
        let isDelimiter: Bool

        var isWord: Bool { !isDelimiter && !text.isEmpty }
    }

    /// - Parameter isCut: leaves the word at the end out.
    private static func groups(of emissions: [Emission], isCut: Bool, _ alphabet: BeamAlphabet) -> [Group] {
        var groups: [Group] = []
        for (index, emission) in emissions.enumerated() {
            let isDelimiter = alphabet.tokens[Int(emission.token)].isDelimiter
            let text = text(of: emission, alphabet)
            if let last = groups.indices.last, !isDelimiter, !groups[last].isDelimiter, !emission.startsWord {
                groups[last].text += text
                groups[last].emissions = emissions[groups[last].emissions.startIndex...index]
            } else {
                groups.append(Group(text: text, emissions: emissions[index...index], isDelimiter: isDelimiter))
            }
        }
        if isCut, groups.last?.isDelimiter == false { groups.removeLast() }
        return groups
    }

    private static func text(of emission: Emission, _ alphabet: BeamAlphabet) -> CodePoints {
        let token = alphabet.tokens[Int(emission.token)]
        return emission.startsWord ? token.opening : token.text
    }

    private static func piece(_ text: String, _ emissions: ArraySlice<Emission>, confidence: Double) -> Piece {
        let (start, end) = (emissions.first?.start ?? 0, emissions.last?.end ?? 0)
        return Piece(text: text, frames: start..<max(start, end), confidence: confidence)
    }

    private static func confidence(_ emissions: ArraySlice<Emission>) -> Double {
        let (sum, count) = emissions.reduce((0.0, 0)) { ($0.0 + $1.probabilitySum, $0.1 + $1.frameCount) }
        return count > 0 ? min(sum / Double(count), 1) : 0
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
