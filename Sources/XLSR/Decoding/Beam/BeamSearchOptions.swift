/// How a beam search goes about its work; the defaults are pyctcdecode's.
public struct BeamSearchOptions: Hashable, Sendable {
    /// The most hypotheses that are kept from one frame to the next, at least 1.
    public var beamWidth = 100
    /// Hypotheses whose score is further below the best one's are dropped: `beam_prune_logp`, at most 0.
    public var beamPruningLogProbability = -10.0
    /// Less probable tokens aren't tried, unless they are a frame's most probable: `token_min_logp`, at most 0.
    public var minimumTokenLogProbability = -5.0
    /// Whether only the best is kept of hypotheses that no language model of this order will ever tell apart again.
    ///
    /// pyctcdecode's `decode` does so; its `decode_beams`, which Hugging Face's processor calls, doesn't. The best text
    /// is nearly always the same, the alternatives are fewer.
    public var prunesHistory = false
    public var hotwords: [Hotword] = []
    /// Of how many of the best hypotheses transcripts keep text and scores.
    public var alternativeCount = 0

    public init() {}

    /// - Throws: `UsageError` for a value that makes no sense.
    func check() throws {
        guard (1...1_000_000).contains(beamWidth) else {
            throw UsageError("a beam of width \(beamWidth): widths are from 1 to 1000000")
        }
        guard beamPruningLogProbability <= 0, minimumTokenLogProbability <= 0 else {
            throw UsageError("the pruning of a beam search needs log-probabilities, which are at most 0")
        }
        guard hotwords.allSatisfy(\.boost.isFinite) else { throw UsageError("the boost of a hotword isn't finite") }
    }
}
