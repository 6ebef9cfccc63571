/// The window of a 1-D convolution without padding.
public struct ConvolutionWindow: Hashable, Sendable {
    public let kernel: Int
    public let stride: Int
    /// Rows to compute.
    public let rows: Int

    public init(kernel: Int, stride: Int, rows: Int) {
        self.kernel = kernel
        self.stride = stride
        self.rows = rows
    }

    /// Rows that the input must have.
    public var inputRows: Int { rows == 0 ? 0 : (rows - 1) * stride + kernel }
}

extension Tensor {
    /// `activation(norm(bias[o] + Σⱼ Σ꜀ W[o, j, c] · x[t · stride + j, c]))`:
    /// channels-last `[inputRows…, in]` → `[rows, out]`.
    ///
    /// The weight is `[out, kernel · in]`. Row t of the product's left side is `kernel · in` contiguous numbers from
    /// row `t · stride` on: a matrix whose rows overlap, so nothing is copied.
    public func convolution(
        _ weight: PreparedWeight, bias: Tensor?, window: ConvolutionWindow, norm: Normalization? = nil,
        activation: UnaryKind? = nil
    ) throws -> Tensor {
        try requireFloat32("convolution")
        try backend.check(weight.tensor, bias, operation: "convolution")
        guard weight.use == .linear, shape.rank == 2, weight.shape[1] == window.kernel * shape[1],
            window.kernel > 0, window.stride > 0, window.rows >= 0, window.inputRows <= shape[0],
            bias.map({ $0.shape == [weight.shape[0]] }) ?? true
        else {
            throw TensorError(
                .invalidArgument, operation: "convolution",
                "kernel \(window.kernel), stride \(window.stride), \(window.rows) rows don't fit",
                shapes: [shape, weight.shape] + [bias].compactMap { $0?.shape }, device: backend.device)
        }
        try norm?.validate(channels: weight.shape[0], operation: "convolution", on: backend)
        let result = try Tensor.uninitialized([window.rows, weight.shape[0]], on: backend)
        try backend.convolution(
            self, weight, bias: bias, window: window, norm: norm, activation: activation, into: result)
        return result
    }
}

extension Backend {
    /// Copies every window out, multiplies, norms.
    public func convolution(
        _ x: Tensor, _ weight: PreparedWeight, bias: Tensor?, window: ConvolutionWindow, norm: Normalization?,
        activation: UnaryKind?, into result: Tensor
    ) throws {
        counters.add(.defaultBodies)
        let taps = (0..<window.rows).flatMap { row in
            (0..<window.kernel).map { Int32(row * window.stride + $0) }
        }
        let windows = try x.gathered(rows: taps).reshaped([window.rows, weight.shape[1]])
        guard let norm else {
            return try linear(windows, weight, bias: bias, activation: activation, residual: nil, into: result)
        }
        try layerNorm(windows.linear(weight, bias: bias), norm, activation: activation, into: result)
    }
}
