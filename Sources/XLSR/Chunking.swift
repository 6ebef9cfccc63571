/// How long audio is cut into chunks that are computed each by itself: the rule of Hugging Face's
/// `AutomaticSpeechRecognitionPipeline` for CTC models.
///
/// Chunks of `seconds` begin every `seconds − 2 · strideSeconds`. Where a chunk has a neighbour, the frames of its
/// stride there are dropped, so that every frame that counts has seen some audio on both sides. Sizes are rounded to
/// whole frames. The frames that count are joined before CTC collapses them. `Split.silence` is another rule.
public struct Chunking: Hashable, Sendable {
    /// What samples are made zero mean and unit variance over, where the checkpoint asks for that, and what the
    /// front-end of group-norm models takes its statistics over.
    public enum Normalization: String, CaseIterable, Sendable {
        /// Each chunk by itself, as Hugging Face does.
        case utterance
        /// The whole audio once, for all its chunks: their frames are then those of the whole audio, exactly.
        case file
    }

    /// Where long audio is cut.
    public enum Split: String, CaseIterable, Sendable {
        /// Into chunks of one length that overlap, as Hugging Face does.
        case fixed
        /// In silences: no word is cut and nothing is computed twice. Where there is no silence, as `fixed`.
        case silence
    }

    /// Length of a chunk, strides included; with `Split.silence` the greatest length.
    public let seconds: Double
    /// Length of the stride on each side of a chunk.
    public let strideSeconds: Double
    /// Audio up to this length stays in one piece.
    public let wholeSeconds: Double
    public var normalization: Normalization
    public var split: Split

    /// Chunks of 30 s, with a sixth as the stride on each side, of audio above 60 s.
    public static let automatic = Chunking(wholeSeconds: 60)

    /// Audio of any length in one piece. Memory grows with its length.
    public static let none = Chunking(wholeSeconds: .infinity)

    /// - Parameters:
    ///   - strideSeconds: by default a sixth of a chunk. With no stride at all, a chunk lacks its last frame.
    ///   - wholeSeconds: the longest audio that isn't cut; by default only what fits one chunk.
    public init(
        seconds: Double = 30, strideSeconds: Double? = nil, wholeSeconds: Double = 0,
        normalization: Normalization = .utterance, split: Split = .fixed
    ) {
        self.seconds = seconds
        self.strideSeconds = strideSeconds ?? seconds / 6
        self.wholeSeconds = wholeSeconds
        self.normalization = normalization
        self.split = split
    }
}

/// A part of an utterance that is computed by itself.
package struct Chunk: Hashable, Sendable {
    /// The utterance's samples that the model sees.
    package let samples: Range<Int>
    /// Which of the chunk's own frames count.
    package let frames: Range<Int>
    /// Whether the frames that count begin in a silence, so that no word goes on there.
    package let beginsInSilence: Bool

    package init(samples: Range<Int>, frames: Range<Int>, beginsInSilence: Bool = false) {
        self.samples = samples
        self.frames = frames
        self.beginsInSilence = beginsInSilence
    }
}

extension Chunking {
    /// - Returns: in order, without chunks that have no frame that counts.
    /// - Throws: `UsageError` when a chunk isn't longer than its strides.
    package func chunks(sampleCount: Int, sampleRate: Int, _ configuration: Configuration) throws -> [Chunk] {
        let whole = [Chunk(samples: 0..<sampleCount, frames: 0..<configuration.frameCount(samples: sampleCount))]
        guard Double(sampleCount) > wholeSeconds * Double(sampleRate) else { return whole }
        let (length, side) = try sizes(sampleRate: sampleRate, configuration)
        var chunks: [Chunk] = []
        var end = 0
        for start in stride(from: 0, to: sampleCount, by: length - 2 * side) where end < sampleCount {
            end = min(start + length, sampleCount)
            var frames = Self.frames(
                count: end - start, left: start == 0 ? 0 : side, right: end == sampleCount ? 0 : side, configuration)
            if normalization == .file, end == sampleCount {
                // The pipeline's rule drops a last frame that begins within half a step of the end.
                frames = frames.lowerBound..<max(frames.upperBound, configuration.frameCount(samples: end - start))
            }
            if !frames.isEmpty { chunks.append(Chunk(samples: start..<end, frames: frames)) }
        }
        return chunks.isEmpty ? whole : chunks
    }

    /// Samples of a chunk and of the stride on each side.
    /// - Throws: `UsageError` when they leave nothing in between.
    package func sizes(sampleRate: Int, _ configuration: Configuration) throws -> (chunk: Int, stride: Int) {
        guard 0...1e9 ~= seconds, 0...1e9 ~= strideSeconds else {
            throw UsageError("chunks of \(seconds) s with strides of \(strideSeconds) s: not lengths of audio")
        }
        func samples(_ seconds: Double) -> Int {
            let frames = seconds * Double(sampleRate) / Double(configuration.outputHop)
            return Int(frames.rounded(.toNearestOrEven)) * configuration.outputHop
        }
        let (chunk, stride) = (samples(seconds), samples(strideSeconds))
        guard chunk > 2 * stride,
            !Self.frames(count: chunk, left: stride, right: stride, configuration).isEmpty
        else {
            throw UsageError(
                "chunks of \(seconds) s with strides of \(strideSeconds) s on each side keep no frame;"
                    + " a chunk must be longer than twice its stride")
        }
        return (chunk, stride)
    }

    /// The frames that count of a chunk of `count` samples: `rescale_stride` and the cut of Hugging Face's
    /// `postprocess`.
    private static func frames(count: Int, left: Int, right: Int, _ configuration: Configuration) -> Range<Int> {
        guard count > 0 else { return 0..<0 }
        let nominal = (Double(count) * (1 / Double(configuration.hop))).rounded(.toNearestOrEven)
        func rescaled(_ side: Int) -> Int {
            Int((Double(side) / Double(count) * nominal).rounded(.toNearestOrEven))
        }
        let end = min(Int(nominal) - rescaled(right), configuration.frameCount(samples: count))
        return rescaled(left)..<max(rescaled(left), end)
    }
}
