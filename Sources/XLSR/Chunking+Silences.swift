extension Chunking {
    /// A silence that a cut may fall into. The closures of consonants, the longest silences within words, take up to
    /// 0.15 s.
    static let silenceSeconds = 0.24

    /// Chunks that begin and end in silences.
    ///
    /// Each is cut in the middle of the longest silence of its second half, found by loudness before the model runs,
    /// so that no sample is computed twice. Models don't hear the end of a word where the audio ends, so a word
    /// delimiter is put into the silence if none was heard on either side. Where half a chunk long there is no silence
    /// of 0.24 s (music, noise, somebody who doesn't breathe), that one cut is made as without silences: both chunks
    /// hear the stride on its other side, too.
    /// - Returns: as `chunks(sampleCount:sampleRate:_:)`; together they give every frame of the whole audio once.
    /// - Throws: `UsageError` when a chunk isn't longer than its strides.
    package func chunks(
        splittingAtSilencesOf loudness: Loudness, sampleCount: Int, sampleRate: Int, _ configuration: Configuration
    ) throws -> [Chunk] {
        guard Double(sampleCount) > wholeSeconds * Double(sampleRate) else {
            return try chunks(sampleCount: sampleCount, sampleRate: sampleRate, configuration)
        }
        let (hop, step) = (configuration.hop, configuration.adapterStride)
        let sizes = try sizes(sampleRate: sampleRate, configuration)
        let (length, side) = (sizes.chunk / hop, sizes.stride / hop)
        // A chunk's last frame needs samples after its hop.
        let tail = (max(0, configuration.receptiveField - hop) + hop - 1) / hop
        let shortest = max(1, Int((Self.silenceSeconds * Double(sampleRate) / Double(hop)).rounded()))
        var chunks: [Chunk] = []
        // In frames: where the part that counts begins, and how much before it is heard.
        var (start, before, beginsInSilence) = (0, 0, false)
        while true {
            let first = start - before
            let samples = first * hop..<min((first + length) * hop, sampleCount)
            guard samples.upperBound < sampleCount else {
                let frames = before..<max(before, configuration.frameCount(samples: samples.count))
                if !frames.isEmpty {
                    chunks.append(Chunk(samples: samples, frames: frames, beginsInSilence: beginsInSilence))
                }
                return chunks
            }
            let latest = first + length - tail
            let middle = max(start + 1, first + length / 2)
            let silence = loudness.longestSilence(
                in: middle..<max(middle, latest), context: first..<first + length, minimumFrames: shortest)
            let after = silence == nil ? max(side, tail) : tail
            let cut = silence.map { ($0.lowerBound + $0.upperBound) / 2 } ?? max(start + 1, first + length - after)
            // Where an adapter's frames begin.
            let end = max(start + step, cut / step * step)
            chunks.append(
                Chunk(
                    samples: samples.lowerBound..<min((end + after) * hop, sampleCount),
                    frames: before..<before + end - start, beginsInSilence: beginsInSilence))
            beginsInSilence = silence != nil
            (before, start) = (beginsInSilence ? 0 : min(side, end), end)
        }
    }
}
