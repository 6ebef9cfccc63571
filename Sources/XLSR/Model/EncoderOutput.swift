import TensorEngine

/// What the encoder makes of a ragged batch.
struct EncoderOutput: Sendable {
    /// The last hidden states, after the adapter where there is one: `[frames, channels]`.
    let states: Tensor
    /// Whose frames those are.
    let segments: Segments
    /// The front-end's frames, normed: `[frames, channels]`.
    let extractFeatures: Tensor
    /// Whose frames those and the hidden states before the adapter are.
    let frameSegments: Segments
    /// The learned average of all hidden states, which a head may take in place of the last: `[frames, hidden]`.
    let layerAverage: Tensor?

    /// What a classifying head takes: the average, or the last hidden states.
    var headInput: Tensor { layerAverage ?? states }
    var headSegments: Segments { layerAverage == nil ? segments : frameSegments }
}
