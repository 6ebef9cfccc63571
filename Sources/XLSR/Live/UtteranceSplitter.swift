/// Cuts speech that is still being spoken into utterances, where the speaker pauses.
///
/// ```swift
/// var splitter = UtteranceSplitter(sampleRate: 16_000)
/// for samples in microphone {
///     for utterance in splitter.add(samples) { print(try model.transcribe([utterance.clip])[0].text) }
/// }
/// ```
///
/// What is silent, the loudness of the last half minute tells, in steps of 0.02 s (see `Loudness`). An utterance ends
/// with a pause, and holds half of it; in front of its first sound it has as much of what was there. Sounds of less than
/// 0.1 s are none. One that grows too long is cut in the middle of the longest silence of its second half, or where
/// there is none of 0.24 s at the quietest moment of it. Where the cuts fall doesn't depend on how the samples come.
/// Memory is that of one utterance.
public struct UtteranceSplitter: Sendable {
    /// Some speech, and when it was.
    public struct Utterance: Sendable {
        public var clip: AudioClip
        /// Seconds from the first sample that the splitter got.
        public var start: Double
    }

    private let sampleRate: Int
    private let hop: Int
    /// In frames.
    private let pause, longest, lead: Int
    /// Samples from the frame `start` on.
    private var samples: [Float] = []
    private var start = 0
    /// Levels of frames from `firstLevel` on, of the last half minute at least.
    private var levels: [Float] = []
    private var firstLevel = 0
    /// Decibels of full scale below which a frame is silent, as it was last known; at first that of a muted microphone.
    private var silenceLevel: Float = -70

    private static let frameSeconds = 0.02
    private static let contextFrames = 1500
    /// Frames from one decision to the next.
    private static let decisionFrames = 5
    private static let fewestSoundFrames = 5

    /// - Parameters:
    ///   - sampleRate: in Hz, of the samples to come.
    ///   - pauseSeconds: the shortest silence that ends an utterance, 0.04 at least; those within words take up to 0.15.
    ///   - longestSeconds: how long an utterance may grow, 1 at least.
    public init(sampleRate: Int, pauseSeconds: Double = 0.6, longestSeconds: Double = 30) {
        func frames(_ seconds: Double, atLeast least: Int) -> Int {
            let count = seconds / Self.frameSeconds
            return count >= Double(least) ? Int(min(count, 1e9).rounded()) : least
        }
        self.sampleRate = max(1, sampleRate)
        hop = max(1, Int((Self.frameSeconds * Double(sampleRate)).rounded()))
        pause = frames(pauseSeconds, atLeast: 2)
        longest = frames(longestSeconds, atLeast: 50)
        lead = max(1, pause / 2)
    }

    /// Takes what was heard next.
    /// - Returns: the utterances that ended with it.
    public mutating func add(_ newSamples: some Sequence<Float>) -> [Utterance] {
        samples.append(contentsOf: newSamples)
        var utterances: [Utterance] = []
        while (end - start + 1) * hop <= samples.count {
            let first = (end - start) * hop
            levels.append(Loudness.level(of: samples[first..<first + hop]))
            if end.isMultiple(of: Self.decisionFrames), let utterance = decide() { utterances.append(utterance) }
        }
        return utterances
    }

    /// What was heard of the utterance that hasn't ended; nil in a silence.
    public var unfinished: Utterance? {
        guard hasSound(in: start..<end) else { return nil }
        return Utterance(clip: AudioClip(samples: samples, sampleRate: sampleRate), start: seconds(start))
    }

    /// Nothing more comes.
    /// - Returns: the utterance that had not ended, if there is one.
    public mutating func finish() -> Utterance? {
        defer {
            drop(to: end)
            samples = []
        }
        return hasSound(in: start..<end) ? cut(at: end, includingRest: true) : nil
    }

    /// The frame after the last whole one.
    private var end: Int { firstLevel + levels.count }

    private func seconds(_ frame: Int) -> Double { Double(frame) * Double(hop) / Double(sampleRate) }

    private func isSilent(_ frame: Int) -> Bool { levels[frame - firstLevel] < silenceLevel }

    private func hasSound(in frames: Range<Int>) -> Bool {
        frames.lazy.filter { !isSilent($0) }.prefix(Self.fewestSoundFrames).count == Self.fewestSoundFrames
    }

    private mutating func decide() -> Utterance? {
        silenceLevel = Loudness(levels: levels).silenceLevel(of: context) ?? silenceLevel
        let first = (start..<end).first { !isSilent($0) } ?? end
        drop(to: max(start, first - lead))
        let last = (start..<end).last { !isSilent($0) } ?? end
        if end - 1 - last >= pause {
            guard hasSound(in: start..<last + 1) else {
                drop(to: end - lead)
                return nil
            }
            return cut(at: last + 1 + lead)
        }
        return end - start >= longest ? cut(at: bestCut) : nil
    }

    /// Of the levels, those of the last half minute.
    private var context: Range<Int> { max(0, levels.count - Self.contextFrames)..<levels.count }

    /// Where to cut an utterance that doesn't end.
    private var bestCut: Int {
        let half = (start + longest / 2 - firstLevel)..<levels.count
        let silence = Loudness(levels: levels).longestSilence(
            in: half, context: context, minimumFrames: Int(Chunking.silenceSeconds / Self.frameSeconds))
        let middle = silence.map { ($0.lowerBound + $0.upperBound) / 2 } ?? half.min { levels[$0] < levels[$1] }
        return firstLevel + (middle ?? half.lowerBound) + 1
    }

    /// - Parameter includingRest: samples after the last whole frame.
    private mutating func cut(at frame: Int, includingRest: Bool = false) -> Utterance {
        let count = includingRest ? samples.count : (frame - start) * hop
        let utterance = Utterance(
            clip: AudioClip(samples: Array(samples[..<count]), sampleRate: sampleRate),
            start: seconds(start))
        drop(to: frame)
        return utterance
    }

    private mutating func drop(to frame: Int) {
        samples.removeFirst(min(samples.count, (frame - start) * hop))
        start = frame
        let unneeded = min(start - firstLevel, levels.count - Self.contextFrames)
        if unneeded > 0 {
            levels.removeFirst(unneeded)
            firstLevel += unneeded
        }
    }
}
