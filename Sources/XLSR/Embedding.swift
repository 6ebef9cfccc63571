import TensorEngine

/// A vector that stands for a speaker's voice: near for one speaker, far for two.
public struct Embedding: Hashable, Codable, Sendable {
    public let values: [Float]

    /// One that was kept, as `values`.
    public init(_ values: [Float]) {
        self.values = values
    }

    /// `a · b / (|a| · |b|)`: 1 for the same direction, 0 for unrelated ones; 0 for a vector of zeros.
    /// - Precondition: embeddings of one model.
    public func cosine(with other: Embedding) -> Double {
        let product = { (a: [Float], b: [Float]) in zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) } }
        let length = (product(values, values) * product(other.values, other.values)).squareRoot()
        return length > 0 ? product(values, other.values) / length : 0
    }
}

extension XLSRModel {
    /// The x-vector of the whole audio.
    /// - Throws: `CheckpointError` for a checkpoint without such a head; `AudioError` for audio too short for its
    ///   statistics; otherwise as `transcribe`.
    public func embedding(
        of samples: [Float], sampleRate: Int, chunking: Chunking = .automatic
    ) throws -> Embedding {
        try embeddings(of: [AudioClip(samples: samples, sampleRate: sampleRate)], chunking: chunking)[0]
    }

    /// The x-vector of each clip.
    /// - Parameter batchSeconds: audio that is computed at a time; more is faster and takes more memory.
    public func embeddings(
        of clips: [AudioClip], chunking: Chunking = .automatic, batchSeconds: Double = 30
    ) throws -> [Embedding] {
        guard case .xVector = configuration.head else { throw lacks("embeddings") }
        return try headOutputs(of: clips, chunking: chunking, batchSeconds: batchSeconds).map(embedding)
    }

    package func embedding(_ outputs: [(name: String, array: HostArray)]) -> Embedding {
        Embedding(outputs.first { $0.name == "embeddings" }?.array.floats() ?? [])
    }
}
