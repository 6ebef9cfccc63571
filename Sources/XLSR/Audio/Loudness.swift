import Glibc

/// How loud audio is, frame by frame.
///
/// A frame is silent below a level that follows the recording: a quarter of the way, in decibels, from the quietest
/// tenth of its surroundings to the loudest twentieth, or 30 dB below the latter, whichever is higher. Surroundings
/// that vary by less than 10 dB are all speech, all noise or all music; nothing in them counts as silence.
package struct Loudness: Sendable {
    /// Decibels of full scale, at least −100, one a frame.
    package let levels: [Float]

    init(levels: [Float]) { self.levels = levels }

    /// - Parameter hop: samples of a frame; what is left over at the end is a frame too.
    package init(_ samples: [Float], hop: Int) {
        levels = stride(from: 0, to: samples.count, by: max(1, hop)).map { start in
            Self.level(of: samples[start..<min(start + max(1, hop), samples.count)])
        }
    }

    static func level(of frame: ArraySlice<Float>) -> Float {
        let mean = frame.reduce(0, +) / Float(frame.count)
        let power = frame.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Float(frame.count)
        return power.isFinite ? 10 * log10(power + 1e-10) : 0
    }

    /// Below it a frame of a part of the audio is silent; nil where nothing is.
    package func silenceLevel(of frames: Range<Int>) -> Float? {
        let sorted = levels[frames.clamped(to: levels.indices)].sorted()
        guard !sorted.isEmpty else { return nil }
        let (quiet, loud) = (sorted[sorted.count / 10], sorted[sorted.count - 1 - sorted.count / 20])
        return loud - quiet < 10 ? nil : max(quiet + (loud - quiet) / 4, loud - 30)
    }

    /// The longest silence of at least `minimumFrames` in a part of the audio, of equals the last.
    ///
    /// The level is that of `context`. A silence that reaches beyond the part counts with what is inside.
    package func longestSilence(in frames: Range<Int>, context: Range<Int>, minimumFrames: Int) -> Range<Int>? {
        guard let level = silenceLevel(of: context) else { return nil }
        var longest: Range<Int>?
        var start = frames.lowerBound
        for frame in frames.clamped(to: levels.indices) {
            guard levels[frame] < level else {
                start = frame + 1
                continue
            }
            let length = frame + 1 - start
            if length >= max(minimumFrames, longest?.count ?? 0) { longest = start..<frame + 1 }
        }
        return longest
    }
}
