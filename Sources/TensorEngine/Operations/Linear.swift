extension Tensor {
    /// `activation(x · Wᵀ + bias) + residual`: `[rows, in]` → `[rows, out]`. x may also be float16 or bfloat16.
    /// - Parameter type: what the result is stored as; float16 and bfloat16 may be rounded to before the activation
    ///   too.
    public func linear(
        _ weight: PreparedWeight, bias: Tensor? = nil, activation: UnaryKind? = nil, residual: Tensor? = nil,
        as type: DType = .float32
    ) throws -> Tensor {
        if !dtype.isFloatingPoint { try requireFloat32("linear") }
        let x = dtype == backend.inputType(forWeights: weight.tensor.dtype) ? self : try converted(to: .float32)
        try backend.check(weight.tensor, bias, residual, operation: "linear")
        guard weight.use == .linear, shape.rank == 2, shape.columns == weight.shape[1],
            bias.map({ $0.shape == [weight.shape[0]] }) ?? true,
            residual.map({ $0.shape == [shape[0], weight.shape[0]] }) ?? true
        else {
            throw TensorError(
                .invalidArgument, operation: "linear", "sizes don't fit",
                shapes: [shape, weight.shape] + [bias, residual].compactMap { $0?.shape }, device: backend.device)
        }
        return try Tensor.stored([shape[0], weight.shape[0]], as: type, on: backend) { result in
            try backend.linear(x, weight, bias: bias, activation: activation, residual: residual, into: result)
        }
    }
}

extension Backend {
    /// Matmul, then bias, activation and residual one by one.
    public func linear(
        _ x: Tensor, _ weight: PreparedWeight, bias: Tensor?, activation: UnaryKind?, residual: Tensor?,
        into result: Tensor
    ) throws {
        counters.add(.defaultBodies)
        var steps: [(Tensor, Tensor) throws -> Void] = []
        if let bias { steps.append { try self.binary(.add, $0, bias, into: $1) } }
        if let activation { steps.append { try self.unary(activation, $0, into: $1) } }
        if let residual { steps.append { try self.binary(.add, $0, residual, into: $1) } }
        let dense = try dense(weight)
        try chain(steps, shape: result.shape, into: result) { try self.matmul(x, dense, transposed: true, into: $0) }
    }

    /// Runs `first`, then each step on the result of the one before; the last writes `result`.
    func chain(
        _ steps: [(Tensor, Tensor) throws -> Void], shape: Shape, into result: Tensor,
        first: (Tensor) throws -> Void
    ) throws {
        var current = steps.isEmpty ? result : try Tensor.uninitialized(shape, on: self)
        try first(current)
        for (index, step) in steps.enumerated() {
            let next = index == steps.count - 1 ? result : try Tensor.uninitialized(shape, on: self)
            try step(current, next)
            current = next
        }
    }
}
