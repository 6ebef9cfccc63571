/// Where somebody speaks, as the model and the loudness of the audio say together.
///
/// The model's words (frames that aren't blank) say that there is speech; its frames lie where a character is sure, so
/// words seem to begin late and end early. So each word is stretched to both sides as long as the audio isn't silent,
/// by 0.3 s at most, and pieces with less than 0.3 s between them are one. Sound without words is no speech.
public struct VoiceActivity: Hashable, Sendable {
    static let stretchSeconds = 0.3
    static let pauseSeconds = 0.3

    private let secondsPerFrame: Double
    /// Whether there is sound.
    private let sounds: [Bool]

    /// Listens to a whole clip.
    /// - Parameter secondsPerFrame: how finely; 0.02 as XLS-R does.
    public init(of clip: AudioClip, secondsPerFrame: Double = 0.02) {
        let hop = max(1, Int((secondsPerFrame * Double(clip.sampleRate)).rounded()))
        self.init(Loudness(clip.samples, hop: hop), secondsPerFrame: Double(hop) / Double(clip.sampleRate))
    }

    package init(_ loudness: Loudness, secondsPerFrame: Double) {
        self.secondsPerFrame = secondsPerFrame
        // Levels change within a long recording: the surroundings are half a minute.
        let block = max(1, Int((30 / secondsPerFrame).rounded()))
        sounds = stride(from: 0, to: loudness.levels.count, by: block).flatMap { start in
            let frames = start..<min(start + block, loudness.levels.count)
            let level = loudness.silenceLevel(of: max(0, start - block / 2)..<frames.upperBound + block / 2)
            return frames.map { frame in level.map { loudness.levels[frame] >= $0 } ?? false }
        }
    }

    /// The parts of the audio in which words are spoken, in seconds, in order, none touching another.
    public func speech(around words: [TimedText], audioSeconds: Double) -> [Range<Double>] {
        var parts: [Range<Double>] = []
        for word in words where word.start.isFinite && word.end >= word.start {
            let start = min(max(0, stretched(word.start, by: -1)), audioSeconds)
            let end = min(max(start, stretched(word.end, by: 1)), audioSeconds)
            if let last = parts.last, start - last.upperBound < Self.pauseSeconds {
                parts[parts.count - 1] = min(last.lowerBound, start)..<max(last.upperBound, end)
            } else if start < end {
                parts.append(start..<end)
            }
        }
        return parts
    }

    private func stretched(_ time: Double, by direction: Int) -> Double {
        guard 0...Double(sounds.count) * secondsPerFrame ~= time else { return time }
        var frame = Int((time / secondsPerFrame).rounded()) - (direction < 0 ? 1 : 0)
        var count = 0
        let limit = Int(Self.stretchSeconds / secondsPerFrame)
        while count < limit, sounds.indices.contains(frame), sounds[frame] {
            (frame, count) = (frame + direction, count + 1)
        }
        return time + Double(direction * count) * secondsPerFrame
    }
}
