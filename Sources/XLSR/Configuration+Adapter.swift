extension Configuration {
    /// Convolutions after the encoder that lower the frame rate: `add_adapter` of Hugging Face's `Wav2Vec2Config`.
    public struct Adapter: Hashable, Sendable {
        /// Zeros on both sides of an utterance, whatever the kernel.
        static let padding = 1

        public let layerCount: Int
        public let kernel: Int
        public let stride: Int
        /// `output_hidden_size`
        public let width: Int

        /// Encoder frames from one output frame to the next.
        public var totalStride: Int { (0..<layerCount).reduce(1) { product, _ in product * stride } }

        /// Frames after one layer: `⌊(n + 2 · padding - kernel) / stride⌋ + 1`.
        func frameCount(_ frames: Int) -> Int {
            guard frames > 0, frames + 2 * Self.padding >= kernel else { return 0 }
            return (frames + 2 * Self.padding - kernel) / stride + 1
        }

        /// nil without `add_adapter`.
        /// - Parameter hop: samples from one encoder frame to the next.
        init?(_ fields: ConfigurationFields, hiddenSize: Int, hop: Int) throws {
            guard try fields.bool("add_adapter", default: false) else { return nil }
            layerCount = try fields.integer("num_adapter_layers", default: 3, in: 0...32)
            kernel = try fields.integer("adapter_kernel_size", default: 3, in: 1...10_000)
            stride = try fields.integer("adapter_stride", default: 2, in: 1...10_000)
            width = try fields.integer("output_hidden_size", default: hiddenSize, in: 1...65_536)
            var total = hop
            for _ in 0..<layerCount {
                total *= stride
                guard total <= Configuration.longestHop else {
                    throw fields.error("adapter_stride", "the product of all strides is too large")
                }
            }
        }
    }

    /// Encoder frames from one frame of the last hidden states to the next: 1 without an adapter.
    public var adapterStride: Int { adapter?.totalStride ?? 1 }

    /// Channels of the last hidden states.
    public var outputSize: Int { adapter?.width ?? hiddenSize }

    /// Samples from one frame of the last hidden states to the next.
    public var outputHop: Int { hop * adapterStride }

    /// Frames of the last hidden states of an utterance: `frameCount(samples:)` without an adapter.
    public func outputFrameCount(samples: Int) -> Int {
        let frames = frameCount(samples: samples)
        guard let adapter else { return frames }
        return (0..<adapter.layerCount).reduce(frames) { count, _ in adapter.frameCount(count) }
    }

    /// The fewest samples that give so many frames: of the last hidden states, or of those before the adapter.
    func sampleCount(frames: Int, adapter: Adapter?) -> Int {
        var count = frames
        if let adapter {
            for _ in 0..<adapter.layerCount {
                count = max(1, (count - 1) * adapter.stride + adapter.kernel - 2 * Adapter.padding)
            }
        }
        return convolutions.reversed().reduce(count) { ($0 - 1) * $1.stride + $1.kernel }
    }
}
