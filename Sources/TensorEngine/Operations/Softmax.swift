extension Tensor {
    /// `exp(x - max) / Σ exp(x - max)` over each row `[…, n]`.
    public func softmax() throws -> Tensor { try softmax(logarithm: false) }

    /// `x - max - ln Σ exp(x - max)` over each row `[…, n]`.
    public func logSoftmax() throws -> Tensor { try softmax(logarithm: true) }

    private func softmax(logarithm: Bool) throws -> Tensor {
        try requireFloat32("softmax")
        let result = try Tensor.uninitialized(shape, on: backend)
        try backend.softmax(self, logarithm: logarithm, into: result)
        return result
    }
}

extension Backend {
    public func softmax(_ x: Tensor, logarithm: Bool, into result: Tensor) throws {
        counters.add(.defaultBodies)
        let shifted = try x.binary(.subtract, x.reduced(.maximum))
        let exponentials = try shifted.unary(.exponential)
        let sums = try exponentials.reduced(.sum)
        if logarithm {
            try binary(.subtract, shifted, sums.unary(.logarithm), into: result)
        } else {
            try binary(.divide, exponentials, sums, into: result)
        }
    }
}
