import Synchronization
import TensorEngine

/// Records the outputs of a model's blocks by name, without touching the graph.
///
/// Names are Hugging Face's module names: `feature_extractor.conv_layers.J`, `extract_features`,
/// `feature_projection`, `pos_conv_embed`, `hidden_states.N`, `last_hidden_state`, `logits`.
public final class Taps: Sendable {
    /// A block's output for a ragged batch.
    public struct Record: Sendable {
        public let name: String
        /// `[rows, channels]`
        public let tensor: Tensor
        /// Which rows belong to which utterance.
        public let segments: Segments

        /// The rows of one utterance, `[frames, channels]`.
        public func utterance(_ index: Int) throws -> Tensor {
            try tensor.gathered(rows: segments[index].map(Int32.init))
        }
    }

    private let wanted: (@Sendable (String) -> Bool)?
    private let storage = Mutex<[Record]>([])

    /// - Parameter wanted: which names to record; all when nil. Recorded tensors stay in device memory.
    public init(_ wanted: (@Sendable (String) -> Bool)? = nil) {
        self.wanted = wanted
    }

    /// In the order in which the blocks ran.
    public var records: [Record] { storage.withLock { $0 } }

    public subscript(name: String) -> Record? { records.first { $0.name == name } }

    func wants(_ name: String) -> Bool { wanted?(name) ?? true }

    func record(_ name: String, _ tensor: Tensor, _ segments: Segments) {
        guard wants(name) else { return }
        storage.withLock { $0.append(Record(name: name, tensor: tensor, segments: segments)) }
    }
}
