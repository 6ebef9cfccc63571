import Glibc

/// Where each token of a known text lies in the audio: the most probable CTC path that spells exactly these tokens.
///
/// Equal tokens in a row have a blank between them. Sums are in double precision. The path is that of torchaudio's
/// `forced_align` on the same log-probabilities. Memory grows with (frames · tokens)^(2/3): an hour of speech takes
/// some 50 MB beside the log-probabilities.
public struct ForcedAlignment: Hashable, Sendable {
    /// A token that stands for anything: its log-probability is 0 on every frame, as in torchaudio's tutorial for MMS.
    public static let star = -1

    /// The frames of each token, in order, none empty.
    public let spans: [Range<Int>]
    /// A token, blank or star on every frame.
    public let path: [Int]
    /// The path's log-probability: the sum over its frames.
    public let logProbability: Double

    /// - Parameters:
    ///   - logProbabilities: `[frames, vocabulary]`, row by row: the natural logarithms of a softmax.
    ///   - tokens: ids of the text's tokens, or `star`.
    ///   - blank: the id of CTC's blank.
    /// - Throws: `UsageError` for rows that aren't whole and tokens outside the vocabulary; `TextError` for no tokens
    ///   (`.empty`) and for more than the frames can hold (`.tooLong`).
    public init(logProbabilities: [Float], vocabularySize: Int, tokens: [Int], blank: Int) throws {
        try self.init(
            logProbabilities: logProbabilities, vocabularySize: vocabularySize, tokens: tokens, blank: blank,
            segmentFrames: nil)
    }

    package init(
        logProbabilities: [Float], vocabularySize: Int, tokens: [Int], blank: Int, segmentFrames: Int?
    ) throws {
        guard vocabularySize > 0, logProbabilities.count.isMultiple(of: vocabularySize) else {
            throw UsageError("\(logProbabilities.count) log-probabilities are not rows of \(vocabularySize)")
        }
        guard (0..<vocabularySize).contains(blank) else {
            throw UsageError("the blank, \(blank), is not in the vocabulary of \(vocabularySize) tokens")
        }
        for token in tokens where token != Self.star && (token == blank || !(0..<vocabularySize).contains(token)) {
            throw UsageError(
                token == blank
                    ? "the text holds the blank, \(blank), which the alignment itself puts between tokens"
                    : "the token \(token) is not in the vocabulary of \(vocabularySize) tokens;"
                        + " use ForcedAlignment.star for what it lacks")
        }
        // The columns of the text's own tokens are what the frames are searched for.
        let used = [blank] + Set(tokens).subtracting([Self.star]).sorted()
        var emissions = CTCEmissions(columnCount: used.count)
        for row in stride(from: 0, to: logProbabilities.count, by: vocabularySize) {
            emissions.append(used.lazy.map { logProbabilities[row + $0] })
        }
        try self.init(emissions, ids: used, tokens: tokens, segmentFrames: segmentFrames)
    }

    /// - Parameters:
    ///   - ids: tokens of the columns of `emissions`, the blank first; every token but stars is among them.
    ///   - source: what the text is called in errors.
    init(
        _ emissions: CTCEmissions, ids: [Int], tokens: [Int], source: String = "text", secondsPerFrame: Double? = nil,
        segmentFrames: Int? = nil
    ) throws {
        guard !tokens.isEmpty else { throw TextError(.empty, source: source, "no tokens to align") }
        let needed = Self.frameCount(for: tokens)
        let there = emissions.frameCount
        guard needed <= there else {
            let seconds = secondsPerFrame.map { factor in
                func text(_ frames: Int) -> String { " (\((Double(frames) * factor * 100).rounded() / 100) s)" }
                return (text(needed), text(there))
            }
            throw TextError(
                .tooLong, source: source,
                "needs at least \(needed) frames\(seconds?.0 ?? ""), but the audio has \(there)\(seconds?.1 ?? "")",
                remedy: "align the text with the whole audio that it was said in")
        }
        let columns = Dictionary(uniqueKeysWithValues: ids.enumerated().map { ($1, $0) })
        var viterbi = CTCViterbi(
            emissions, columns: tokens.map { columns[$0] ?? emissions.starColumn }, segmentFrames: segmentFrames)
        (spans, logProbability) = try viterbi.bestPath()
        var path = Array(repeating: ids[0], count: there)
        for (token, span) in zip(tokens, spans) {
            for frame in span { path[frame] = token }
        }
        self.path = path
    }

    /// The fewest frames that hold the tokens: one each, and one for the blank between equal neighbours.
    public static func frameCount(for tokens: [Int]) -> Int {
        tokens.count + zip(tokens, tokens.dropFirst()).count { $0 == $1 }
    }
}
