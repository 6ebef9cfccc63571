extension Tensor {
    /// `f'(x)` for every element, as `UnaryKind` says it.
    package func derivative(of kind: UnaryKind) throws -> Tensor {
        switch kind {
        case .negate: try Tensor.filled(-1, shape: shape, on: backend)
        case .absolute: try step().times(2).plus(-1)
        case .square: try times(2)
        case .squareRoot: try unary(.squareRoot).times(2).unary(.reciprocal)
        case .reciprocal: try unary(.square).unary(.reciprocal).unary(.negate)
        case .exponential: try unary(.exponential)
        case .logarithm: try unary(.reciprocal)
        case .tanh: try unary(.tanh).unary(.square).unary(.negate).plus(1)
        case .sigmoid: try sigmoidSlope().slope
        case .relu: try step()
        case .leakyRelu: try step().times(0.99).plus(0.01)
        case .silu: try multiplied(by: sigmoidSlope().slope).adding(unary(.sigmoid))
        case .gelu: try geluDerivative()
        case .geluTanh: try geluTanhDerivative()
        case .geluSigmoid:
            try { (scaled: Tensor) in
                let (sigmoid, slope) = try scaled.sigmoidSlope()
                return try scaled.multiplied(by: slope).adding(sigmoid)
            }(times(1.702))
        }
    }

    /// 1 above zero, else 0.
    private func step() throws -> Tensor { try unary(.relu).binary(.divide, magnitude()) }

    /// `|x|`, but never 0.
    private func magnitude() throws -> Tensor {
        try unary(.absolute).binary(.maximum, Tensor([0x1p-100], shape: [1], on: backend))
    }

    private func sigmoidSlope() throws -> (sigmoid: Tensor, slope: Tensor) {
        let sigmoid = try unary(.sigmoid)
        return (sigmoid, try sigmoid.binary(.subtract, sigmoid.unary(.square)))
    }

    /// `Φ(x) + x·φ(x)`. Of magnitudes, `Φ` is `gelu(x) / x`; on the other side of zero the whole is 1 less that.
    private func geluDerivative() throws -> Tensor {
        let magnitude = try magnitude()
        let density = try magnitude.unary(.square).times(-0.5).unary(.exponential).times(0.398_942_28)
        let ofMagnitude = try magnitude.unary(.gelu).binary(.divide, magnitude)
            .adding(magnitude.multiplied(by: density))
        let step = try unary(.relu).binary(.divide, magnitude)
        return try ofMagnitude.times(2).plus(-1).multiplied(by: step).binary(.subtract, ofMagnitude).plus(1)
    }

    /// With `t = tanh(u)`, `u = √(2/π)(x + 0.044715x³)`: `(1 + t) / 2 + x/2 · (1 - t²) · u'`.
    private func geluTanhDerivative() throws -> Tensor {
        let factor: Float = 0.797_884_56
        let square = try unary(.square)
        let t = try square.times(0.044_715 * factor).plus(factor).multiplied(by: self).unary(.tanh)
        let slope = try square.times(3 * 0.044_715 * factor).plus(factor)
        let outer = try t.unary(.square).unary(.negate).plus(1).multiplied(by: slope).multiplied(by: self)
        return try outer.adding(t).plus(1).times(0.5)
    }
}
