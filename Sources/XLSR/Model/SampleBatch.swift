import TensorEngine

/// What the model takes of an utterance.
package struct InputValues: Sendable {
    /// Samples, normalised where the checkpoint asks for that.
    package let values: [Float]
    /// Of the whole that the values are a part of, for the front-end's norm over frames; nil: of the values themselves.
    package let statistics: ChannelStatistics?

    package init(_ values: [Float], statistics: ChannelStatistics? = nil) {
        self.values = values
        self.statistics = statistics
    }
}

/// The samples of some utterances one under the other, each padded with zeros to a multiple of the hop.
struct SampleBatch {
    /// Samples of each utterance.
    let lengths: [Int]
    /// After all layers, with those that see the padding.
    let frameCount: Int
    private let offsets: [Int]
    private let configuration: Configuration
    private let read: (_ utterance: Int, _ samples: Range<Int>) -> ArraySlice<Float>

    /// - Parameter read: samples of an utterance.
    init(
        lengths: [Int], _ configuration: Configuration,
        read: @escaping (_ utterance: Int, _ samples: Range<Int>) -> ArraySlice<Float>
    ) {
        let hop = configuration.hop
        let padded = lengths.map { ($0 + hop - 1) / hop * hop }
        self.lengths = lengths
        self.configuration = configuration
        self.read = read
        offsets = Segments(lengths: padded).offsets
        frameCount = padded.reduce(0, +) / hop
    }

    /// Some rows of the batch, zeros beyond it: `[samples, 1]`.
    func samples(_ rows: Range<Int>, on backend: any Backend) throws -> Tensor {
        var values = [Float](repeating: 0, count: rows.count)
        for (index, offset) in offsets.enumerated() {
            let part = rows.clamped(to: offset..<offset + lengths[index])
            guard !part.isEmpty else { continue }
            let samples = read(index, part.lowerBound - offset..<part.upperBound - offset)
            let first = part.lowerBound - rows.lowerBound
            values.replaceSubrange(first..<first + part.count, with: samples)
        }
        return try Tensor(values, shape: [rows.count, 1], on: backend)
    }

    /// The valid frames among some rows of the output of the first `layers` layers, counted from the first of these
    /// rows.
    func segments(layers: Int, rows: Range<Int>) -> Segments {
        let hop = configuration.convolutions.prefix(layers).reduce(1) { $0 * $1.stride }
        let parts = lengths.indices.map { index in
            let first = offsets[index] / hop
            let frames = first..<first + configuration.frameCount(samples: lengths[index], layers: layers)
            return frames.clamped(to: rows)
        }
        return Segments(offsets: parts.map { $0.lowerBound - rows.lowerBound }, lengths: parts.map(\.count))
    }
}
