/// What speech means in another language.
public struct Translation: Hashable, Codable, Sendable {
    /// A text that the decoder wrote.
    public struct Hypothesis: Hashable, Codable, Sendable {
        public var text: String
        /// What the decoder wrote, from the start token to the end token: transformers' `generate`.
        public var tokenIDs: [Int]
        /// The sum of the tokens' log-probabilities over `length ^ lengthPenalty`: transformers' `sequences_scores`.
        public var score: Double
    }

    /// A part of the audio that was translated by itself.
    public struct Segment: Hashable, Codable, Sendable {
        /// Seconds from the start of the audio.
        public var start: Double
        public var end: Double
        /// Best first; as many as were asked for.
        public var hypotheses: [Hypothesis]

        public var text: String { hypotheses.first?.text ?? "" }
    }

    public var segments: [Segment]
    /// The language token that the decoder was made to begin with; nil for a model of one target language.
    public var language: String?

    /// The texts of all segments.
    public var text: String { segments.map(\.text).filter { !$0.isEmpty }.joined(separator: " ") }
}

extension Chunking {
    /// How long audio is cut for translation: above 60 s into pieces of 30 s, each translated by itself. They don't
    /// overlap, since texts can't be joined as frames can.
    public static let translation = Chunking(strideSeconds: 0, wholeSeconds: 60)
}
