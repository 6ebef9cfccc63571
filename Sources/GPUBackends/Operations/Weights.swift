import TensorEngine

/// Weights are dense `[batches, n, depth]` for devices whose threads share memory, and packed in panels for processors.
extension GPUBackend {
    var isPacked: Bool {
        if case .wide = shape.product { true } else { false }
    }

    /// Numbers that a weight of `[n, depth]` takes.
    func preparedCount(n: Int, depth: Int) -> Int { (isPacked ? ceil(n, shape.panel) * shape.panel : n) * depth }

    public func prepare(_ weight: Tensor, for use: WeightUse, as dtype: DType) throws -> PreparedWeight {
        let quantized = dtype == .int8 ? try weight.quantized() : nil
        let numbers = try (quantized?.integers ?? weight).converted(to: dtype)
        return try prepare(numbers.reshaped(weight.shape), scales: quantized?.scales, for: use)
    }

    /// Numbers that have their type already are uploaded as they are.
    public func prepare(_ weight: StoredWeight, as dtype: DType) throws -> PreparedWeight {
        guard weight.dtype == dtype else { return try prepareDense(weight, as: dtype) }
        let numbers = try Tensor(weight.hostArray(), on: self)
        weight.discardResidentPages(of: 0..<weight.shape[0])
        let scales = try weight.scales.map { try Tensor($0, shape: [$0.count, 1], on: self) }
        return try prepare(numbers, scales: scales, for: .linear)
    }

    private func prepare(_ numbers: Tensor, scales: Tensor?, for use: WeightUse) throws -> PreparedWeight {
        let shape = numbers.shape
        let batches = use == .grouped ? shape[0] : 1
        let (n, depth) = (shape[shape.rank - 2], shape.columns)
        let form = isPacked ? try packed(numbers, n: n, depth: depth, batches: batches, isTurned: false) : numbers
        return PreparedWeight(shape: shape, use: use, tensor: form, scales: try scales?.reshaped([batches * n]))
    }

    public func dense(_ weight: PreparedWeight) throws -> Tensor {
        let batches = weight.use == .grouped ? weight.shape[0] : 1
        let (n, depth) = (weight.shape[weight.shape.rank - 2], weight.shape.columns)
        var stored = weight.tensor
        if isPacked {
            stored = try Tensor.uninitialized(weight.shape, dtype: weight.tensor.dtype, on: self)
            try launch(
                shape.movement, "unpack_\(8 * stored.dtype.byteSize)",
                groups: packGroups(n: n, depth: depth, batches: batches),
                threads: shape.groupSize,
                [.buffer(weight.tensor), .buffer(stored), .int(n), .int(depth), .int(shape.panel)])
        }
        let numbers = try stored.converted(to: .float32)
        guard let scales = weight.scales else { return try numbers.reshaped(weight.shape) }
        return try numbers.reshaped([batches * n, depth]).multiplied(by: scales.reshaped([batches * n, 1]))
            .reshaped(weight.shape)
    }

    /// `[batches, n, depth]`, or `[batches, depth, n]` if turned, in the form that products read.
    func packed(_ weight: Tensor, n: Int, depth: Int, batches: Int, isTurned: Bool) throws -> Tensor {
        guard isPacked else {
            return try weight.reshaped([batches, depth, n]).permuted([0, 2, 1])
        }
        let form = try Tensor.uninitialized(
            [batches, preparedCount(n: n, depth: depth)], dtype: weight.dtype, on: self)
        try launch(
            shape.movement, "pack_\(8 * weight.dtype.byteSize)",
            groups: packGroups(n: n, depth: depth, batches: batches),
            threads: shape.groupSize,
            [
                .buffer(weight), .buffer(form), .int(n), .int(depth), .long(n * depth), .long(isTurned ? 1 : depth),
                .long(isTurned ? n : 1), .int(shape.panel),
            ])
        return form
    }

    private func packGroups(n: Int, depth: Int, batches: Int) -> (Int, Int, Int) {
        (ceil(n, shape.panel), batches, blocks(depth))
    }
}
