/// A chunk of an utterance, ready to be computed.
package struct ChunkInput: Sendable {
    /// What the caller calls the utterance.
    package let index: Int
    /// Which of the utterance's chunks this is, from 0.
    package let number: Int
    /// For the model.
    package let input: InputValues
    /// The utterance's first frame that this chunk gives.
    package let start: Int
    /// Which of the chunk's own frames count.
    package let frames: Range<Int>
    /// See `Chunk.beginsInSilence`.
    package let beginsInSilence: Bool
    package let seconds: Double
    /// Seconds of the utterance that are done with this chunk.
    let end: Double
    let isLast: Bool

    package init(
        index: Int, number: Int = 0, input: InputValues, start: Int = 0, frames: Range<Int>,
        beginsInSilence: Bool = false,
        seconds: Double, end: Double, isLast: Bool = true
    ) {
        self.index = index
        self.number = number
        self.input = input
        self.start = start
        self.frames = frames
        self.beginsInSilence = beginsInSilence
        self.seconds = seconds
        self.end = end
        self.isLast = isLast
    }
}
