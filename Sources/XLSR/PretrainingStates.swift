import Glibc
import TensorEngine

/// Both sides of the contrastive task that wav2vec 2.0 was pre-trained with, at inference: Hugging Face's
/// `Wav2Vec2ForPreTrainingOutput`.
public struct PretrainingStates: Sendable {
    /// `[frames, projection]`
    public let projectedStates: HostArray
    /// `[frames, projection]`
    public let projectedQuantizedStates: HostArray
    /// The likeliest codevector of each group at each frame, by its number in the group: int32 `[frames, groups]`.
    public let codevectorIDs: HostArray
    /// How many codevectors are in use, over the frames: see `Codevectors.perplexity`.
    public let codevectorPerplexity: Double
}

enum Codevectors {
    /// `Σ exp(-Σ p · ln p)` over the groups, p the share of frames that each codevector of a group has.
    static func perplexity(_ ids: [Float], groupCount: Int) -> Double {
        let frames = Double(ids.count / groupCount)
        return (0..<groupCount).reduce(0) { total, group in
            var counts: [Float: Int] = [:]
            for index in stride(from: group, to: ids.count, by: groupCount) { counts[ids[index], default: 0] += 1 }
            let entropy = counts.values.map { Double($0) / frames }.sorted().reduce(0) { $0 - $1 * log($1) }
            return total + exp(entropy)
        }
    }

    /// Outputs with the codevectors' numbers as integers, and their perplexity, where there are any.
    static func described(
        _ outputs: [(name: String, array: HostArray)], _ configuration: Configuration
    ) -> [(name: String, array: HostArray)] {
        guard case .pretraining(let sizes) = configuration.head else { return outputs }
        return outputs.flatMap { name, array in
            guard name == QuantizerHead.codevectorIDs else { return [(name, array)] }
            let ids = array.floats()
            let perplexity = Float(perplexity(ids, groupCount: sizes.groupCount))
            return [
                (name, HostArray(ids.map { Int32($0) }, shape: array.shape)),
                ("codevector_perplexity", HostArray([perplexity], shape: [])),
            ]
        }
    }
}

extension XLSRModel {
    /// Projected hidden states and projected quantised features.
    /// - Throws: `CheckpointError` for a checkpoint without a pre-training head; otherwise as `transcribe`.
    public func pretrainingStates(
        of samples: [Float], sampleRate: Int, chunking: Chunking = .automatic
    ) throws -> PretrainingStates {
        guard case .pretraining = configuration.head else { throw lacks("pre-training head") }
        let outputs = try headOutputs(of: samples, sampleRate: sampleRate, chunking: chunking)
        func output(_ name: String) throws -> HostArray {
            guard let array = outputs[name] else { throw lacks(name) }
            return array
        }
        return PretrainingStates(
            projectedStates: try output("projected_states"),
            projectedQuantizedStates: try output("projected_quantized_states"),
            codevectorIDs: try output(QuantizerHead.codevectorIDs),
            codevectorPerplexity: Double(try output("codevector_perplexity").floats()[0]))
    }
}
