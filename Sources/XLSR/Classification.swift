import Glibc
import TensorEngine

/// A label and how likely it is.
public struct LabelScore: Hashable, Codable, Sendable {
    public let label: String
    /// Its place in the head's outputs.
    public let index: Int
    /// A probability; the plain output of a head that was trained for regression.
    public let score: Double
}

extension Configuration.Classification {
    /// What a head's outputs mean.
    package func scores(_ logits: [Float]) -> [Double] {
        let logits = logits.map(Double.init)
        switch scoring {
        case .identity: return logits
        case .sigmoid: return logits.map(sigmoid)
        case .softmax: return softmax(logits)
        }
    }

    /// The best labels, the likeliest first; of equals the one that comes first.
    package func best(_ count: Int, logits: [Float]) -> [LabelScore] {
        let ranked = scores(logits).enumerated().sorted { ($1.element, $0.offset) < ($0.element, $1.offset) }
        return ranked.prefix(count).map { LabelScore(label: labels[$0.offset], index: $0.offset, score: $0.element) }
    }
}

func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

func softmax(_ logits: [Double]) -> [Double] {
    let largest = logits.max() ?? 0
    let exponentials = logits.map { exp($0 - largest) }
    let sum = exponentials.reduce(0, +)
    return exponentials.map { $0 / sum }
}

extension XLSRModel {
    /// Labels of the whole audio (a language, a keyword, a speaker), the likeliest first, with their probabilities:
    /// Hugging Face's audio classification pipeline.
    ///
    /// Audio above a minute is cut into chunks, whose frames are pooled together; the pipeline computes audio of any
    /// length in one piece, as `chunking: .none` does.
    /// - Parameter count: how many labels.
    /// - Throws: `CheckpointError` for a checkpoint without such a head; otherwise as `transcribe`.
    public func classify(
        _ samples: [Float], sampleRate: Int, count: Int = 5, chunking: Chunking = .automatic
    ) throws -> [LabelScore] {
        try classify([AudioClip(samples: samples, sampleRate: sampleRate)], count: count, chunking: chunking)[0]
    }

    /// The labels of each clip.
    /// - Parameter batchSeconds: audio that is computed at a time; more is faster and takes more memory.
    public func classify(
        _ clips: [AudioClip], count: Int = 5, chunking: Chunking = .automatic,
        batchSeconds: Double = 30
    ) throws -> [[LabelScore]] {
        guard case .sequenceClassifier(let classes, _) = configuration.head else {
            throw lacks("labels of whole audio")
        }
        return try headOutputs(of: clips, chunking: chunking, batchSeconds: batchSeconds).map {
            classes.best(max(0, count), logits: $0[0].array.floats())
        }
    }
}
