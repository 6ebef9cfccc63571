import TensorEngine

/// Weights are dense `[batches, n, depth]` for devices whose threads share memory, and packed in panels for processors.
extension GPUBackend {
    var isPacked: Bool {
        if case .wide = shape.product { true } else { false }
    }

    /// Numbers that a weight of `[n, depth]` takes.
    func preparedCount(n: Int, depth: Int) -> Int { (isPacked ? ceil(n, shape.panel) * shape.panel : n) * depth }

    public func prepare(_ weight: Tensor, for use: WeightUse, as dtype: DType) throws -> PreparedWeight {
        let batches = use == .grouped ? weight.shape[0] : 1
        let (n, depth) = (weight.shape[weight.shape.rank - 2], weight.shape.columns)
        let quantized = dtype == .int8 ? try weight.quantized() : nil
        let stored = try (quantized?.integers ?? weight).converted(to: dtype)
        let form = isPacked ? try packed(stored, n: n, depth: depth, batches: batches, isTurned: false) : stored
        return PreparedWeight(
            shape: weight.shape, use: use, tensor: form, scales: try quantized?.scales.reshaped([batches * n]))
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
