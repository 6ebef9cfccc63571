import TensorEngine

/// The mean over an audio's frames of each of the encoder's hidden states: all that a head sees of it that is linear
/// until it pools.
struct PooledStates: Sendable {
    /// A mean for each of the hidden states.
    private(set) var means: [LaneVector]
    private let frameCount: Int

    fileprivate init(means: [LaneVector], frameCount: Int) {
        (self.means, self.frameCount) = (means, frameCount)
    }

    /// Of an audio's chunks.
    init(joining chunks: [PooledStates], channels: Int) {
        let counted = chunks.filter { $0.frameCount > 0 }
        frameCount = counted.reduce(0) { $0 + $1.frameCount }
        means = (counted.first?.means ?? []).map { _ in LaneVector(zeros: channels) }
        for chunk in counted {
            for state in means.indices {
                means[state].add(Float(chunk.frameCount) / Float(frameCount), chunk.means[state])
            }
        }
    }
}

extension XLSRModel {
    /// Of the frames that count of each chunk.
    func pooledStates(of chunks: [ChunkInput]) throws -> [PooledStates] {
        let names = Set((0..<trainedStateCount).map { "hidden_states.\($0)" })
        let taps = Taps { names.contains($0) }
        _ = try output(of: chunks.map(\.input), runsHead: false, taps: taps)
        let states = taps.records
        let rows = chunks.indices.map { chunks[$0].rows(in: states[0].segments[$0], configuration) }
        let segments = Segments(offsets: rows.map(\.lowerBound), lengths: rows.map(\.count))
        let means = try states.map { try $0.tensor.mean(over: segments).floats() }
        let size = configuration.hiddenSize
        return rows.indices.map { index in
            PooledStates(
                means: means.map { LaneVector($0[index * size..<(index + 1) * size]) }, frameCount: rows[index].count)
        }
    }
}
