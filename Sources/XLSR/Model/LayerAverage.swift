import TensorEngine

/// A learned average of all hidden states: `Σ softmax(w)ₗ · hₗ`, the input of SUPERB's heads (Yang et al. 2021).
struct LayerAverage: Sendable {
    /// One number for each hidden state.
    private let shares: [Tensor]
    let endsAfterNorm: Bool

    init(_ weights: WeightReader, _ layerSum: Configuration.LayerSum, layerCount: Int) throws {
        endsAfterNorm = layerSum.endsAfterNorm
        let logits = try weights.tensor("layer_weights", [layerCount + 1]).reshaped([1, layerCount + 1])
        shares = try logits.softmax().floats().map { try Tensor([$0], shape: [1], on: weights.backend) }
    }

    /// Takes the hidden states one after the other, so that none is kept.
    struct Accumulator {
        private var shares: ArraySlice<Tensor>
        private(set) var sum: Tensor?

        init(_ average: LayerAverage) { shares = average.shares[...] }

        mutating func add(_ states: Tensor) throws {
            guard let share = shares.popFirst() else { return }
            let part = try states.multiplied(by: share)
            sum = try sum?.adding(part) ?? part
        }
    }
}
