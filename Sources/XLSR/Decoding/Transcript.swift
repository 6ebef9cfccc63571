import Glibc

/// A piece of text with its place in the audio.
public struct TimedText: Hashable, Codable, Sendable {
    public var text: String
    /// Seconds from the start of the audio.
    public var start: Double
    /// Seconds from the start of the audio; the first moment after the text.
    public var end: Double
    /// 0 to 1.
    public var confidence: Double

    public init(text: String, start: Double, end: Double, confidence: Double) {
        self.text = text
        self.start = start
        self.end = end
        self.confidence = confidence
    }
}

/// What was said, and when.
public struct Transcript: Hashable, Codable, Sendable {
    public var text: String
    public var words: [TimedText]
    /// Every character of the words and the delimiters between them.
    public var characters: [TimedText]
    /// The words, by their indices, with which lines begin in a text that was given and aligned; else none.
    public var lineStarts: [Int] = []
    /// The best texts of a beam search, this one first, if they were asked for.
    public var alternatives: [Alternative]

    public init(
        text: String, words: [TimedText] = [], characters: [TimedText] = [], alternatives: [Alternative] = []
    ) {
        self.text = text
        self.words = words
        self.characters = characters
        self.alternatives = alternatives
    }

    /// The same so many seconds later.
    public func shifted(by seconds: Double) -> Transcript {
        func shifted(_ texts: [TimedText]) -> [TimedText] {
            texts.map {
                TimedText(
                    text: $0.text, start: $0.start + seconds, end: $0.end + seconds, confidence: $0.confidence)
            }
        }
        var transcript = self
        (transcript.words, transcript.characters) = (shifted(words), shifted(characters))
        return transcript
    }

    /// A text that may have been said, with the natural logarithms that speak for it.
    public struct Alternative: Hashable, Codable, Sendable {
        public var text: String
        /// Of the model.
        public var acousticScore: Double
        /// Of language model and hotwords, as they were weighted.
        public var languageScore: Double
        /// The sum of both, which they are ranked by.
        public var totalScore: Double

        public init(text: String, acousticScore: Double, languageScore: Double, totalScore: Double) {
            self.text = text
            self.acousticScore = acousticScore
            self.languageScore = languageScore
            self.totalScore = totalScore
        }
    }
}

/// The most probable token of each frame: what best-path (greedy) CTC decoding starts from.
public struct BestPath: Hashable, Sendable {
    /// One token id per frame.
    public let ids: [Int]
    /// The softmax probability of that token, one per frame, 0 to 1.
    public let probabilities: [Float]

    /// - Throws: `UsageError` if the counts differ.
    public init(ids: [Int], probabilities: [Float]) throws {
        guard ids.count == probabilities.count else {
            throw UsageError("\(ids.count) token ids have \(probabilities.count) probabilities")
        }
        self.ids = ids
        self.probabilities = probabilities
    }

    /// The argmax of each row of `[frames, vocabulary]` logits or log-probabilities; of equals the first.
    ///
    /// NaN never wins; the probability of a row that has NaN or +∞ in it is 0, and the id of a row of NaN is 0.
    /// - Throws: `UsageError` if the rows aren't whole.
    public init(logits: [Float], vocabularySize: Int) throws {
        guard vocabularySize > 0, logits.count.isMultiple(of: vocabularySize) else {
            throw UsageError("\(logits.count) logits are not rows of \(vocabularySize)")
        }
        let rows = stride(from: 0, to: logits.count, by: vocabularySize).map { logits[$0..<($0 + vocabularySize)] }
        let best = rows.map { row in
            row.indices.reduce(row.startIndex) { row[$1] > row[$0] || row[$0].isNaN ? $1 : $0 }
        }
        ids = zip(rows, best).map { row, index in row[index].isNaN ? 0 : index - row.startIndex }
        probabilities = zip(rows, best).map { row, index in
            let probability = 1 / row.reduce(Float(0)) { $0 + exp($1 - row[index]) }
            return probability.isFinite ? probability : 0
        }
    }
}

extension Wav2Vec2CTCTokenizer {
    /// Best-path decoding: the text of `decode(path.ids)`, with times and confidences.
    ///
    /// Frames `a ..< b` are the seconds `a · secondsPerFrame ..< b · secondsPerFrame`; the offsets are Hugging Face's
    /// `output_char_offsets` and `output_word_offsets`. The confidence of a character is the arithmetic mean of the
    /// path's softmax probabilities over the frames of the character; that of a word, over the frames of its
    /// characters, so that long characters weigh more and one poor frame doesn't zero a word. Blanks don't count.
    /// Where `do_lower_case` is set, words and characters are lowercased like the text.
    public func transcript(of path: BestPath, secondsPerFrame: Double) -> Transcript {
        let runs = runs(of: path.ids)
        func timed(_ runs: ArraySlice<TokenRun>) -> TimedText {
            let frames = runs.flatMap(\.frames)
            let sum = frames.reduce(0.0) { sum, frame in
                let probability = path.probabilities[frame]
                return probability.isFinite ? sum + Double(probability) : sum
            }
            return TimedText(
                text: cased(runs.flatMap(\.token)).string,
                start: Double(frames.first ?? 0) * secondsPerFrame,
                end: Double((frames.last ?? -1) + 1) * secondsPerFrame,
                confidence: frames.isEmpty ? 0 : sum / Double(frames.count))
        }
        return Transcript(
            text: text(of: runs),
            words: runs.split(whereSeparator: isWordDelimiter).map(timed),
            characters: runs.indices.map { timed(runs[$0...$0]) })
    }
}
