import TensorEngine

/// A grouped convolution with a long kernel in place of position embeddings.
/// Hugging Face's `Wav2Vec2PositionalConvEmbedding`.
struct PositionalConvolution: Sendable {
    private let weight: PreparedWeight
    private let bias: Tensor
    private let activation: UnaryKind?

    init(_ weights: WeightReader, _ configuration: Configuration) throws {
        let conv = weights.scope("conv")
        let (channels, groups) = (configuration.hiddenSize, configuration.positionalGroups)
        let (kernel, width) = (configuration.positionalKernel, channels / groups)
        // PyTorch's two spellings of weight norm.
        let names =
            conv.contains("weight_g")
            ? ("weight_g", "weight_v") : ("parametrizations.weight.original0", "parametrizations.weight.original1")
        let gain = try conv.tensor(names.0, [1, 1, kernel]).reshaped([kernel, 1])
        let direction = try conv.tensor(names.1, [channels, width, kernel])
            .permuted([2, 0, 1]).reshaped([kernel, channels * width])
        // Weight norm is over all but the taps: W[:, :, j] = gⱼ · V[:, :, j] / ‖V[:, :, j]‖.
        let length = try direction.unary(.square).reduced(.sum).unary(.squareRoot)  // [kernel, 1]
        weight = try direction.multiplied(by: gain.binary(.divide, length))
            .reshaped([kernel, groups, width, width])  // [kernel, group, out, in]
            .permuted([1, 2, 0, 3])
            .reshaped([groups, width, kernel * width])  // [group, out, kernel · in]
            .prepared(for: .grouped, as: weights.precision.sensitiveWeights)
        bias = try conv.tensor("bias", [channels])
        activation = configuration.frontEndActivation
    }

    /// `[frames, hidden]` → `[frames, hidden]`
    func callAsFunction(_ x: Tensor, segments: Segments) throws -> Tensor {
        try x.groupedConvolution(weight, bias: bias, segments: segments, activation: activation)
    }
}
