import TensorEngine

/// How likely each label is at each frame, of a head for frame classification: who speaks when, say.
public struct FrameScores: Sendable {
    /// A stretch of time in which a label is active.
    public struct Segment: Hashable, Codable, Sendable {
        public let label: String
        /// In seconds.
        public let start: Double
        /// In seconds, exclusive.
        public let end: Double
        /// The mean of its frames' probabilities.
        public let confidence: Double
    }

    public let labels: [String]
    public let frameCount: Int
    public let secondsPerFrame: Double
    /// The head's outputs, frame by frame: `[frames, labels]`.
    public let logits: [Float]

    package init(labels: [String], secondsPerFrame: Double, logits: [Float]) {
        self.labels = labels
        self.secondsPerFrame = secondsPerFrame
        self.logits = logits
        frameCount = logits.count / max(1, labels.count)
    }

    /// `1 / (1 + e⁻ˡ)`: labels don't exclude each other, since two people may speak at once.
    /// - Precondition: there is such a frame and such a label.
    public func probability(frame: Int, label: Int) -> Double {
        sigmoid(Double(logits[frame * labels.count + label]))
    }

    /// Where labels are active: runs of frames with more than a probability, as Hugging Face's examples of diarisation
    /// take them. In order of their starts, then of the labels.
    public func segments(threshold: Double = 0.5) -> [Segment] {
        var segments: [(label: Int, segment: Segment)] = []
        for label in labels.indices {
            var (start, sum) = (0, 0.0)
            for frame in 0...frameCount {
                let value = frame < frameCount ? probability(frame: frame, label: label) : -.infinity
                if value > threshold {
                    sum += value
                    continue
                }
                if frame > start {
                    segments.append(
                        (
                            label,
                            Segment(
                                label: labels[label], start: Double(start) * secondsPerFrame,
                                end: Double(frame) * secondsPerFrame, confidence: sum / Double(frame - start))
                        ))
                }
                (start, sum) = (frame + 1, 0)
            }
        }
        return segments.sorted { ($0.segment.start, $0.label) < ($1.segment.start, $1.label) }.map(\.segment)
    }
}

extension XLSRModel {
    /// How likely each label is at each frame.
    /// - Throws: `CheckpointError` for a checkpoint without such a head; otherwise as `transcribe`.
    public func frameScores(
        _ samples: [Float], sampleRate: Int, chunking: Chunking = .automatic
    ) throws -> FrameScores {
        try frameScores([AudioClip(samples: samples, sampleRate: sampleRate)], chunking: chunking)[0]
    }

    /// The frames of each clip.
    /// - Parameter batchSeconds: audio that is computed at a time; more is faster and takes more memory.
    public func frameScores(
        _ clips: [AudioClip], chunking: Chunking = .automatic, batchSeconds: Double = 30
    ) throws -> [FrameScores] {
        guard case .frameClassifier = configuration.head else { throw lacks("labels of frames") }
        return try headOutputs(of: clips, chunking: chunking, batchSeconds: batchSeconds)
            .map(frameScores)
    }

    package func frameScores(_ outputs: [(name: String, array: HostArray)]) -> FrameScores {
        FrameScores(
            labels: configuration.labels, secondsPerFrame: secondsPerFrame, logits: outputs[0].array.floats())
    }
}
