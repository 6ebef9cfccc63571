extension GradientTape {
    package func linear(
        _ x: Tensor, _ weight: PreparedWeight, bias: Tensor?, activation: UnaryKind?, residual: Tensor?,
        into result: Tensor
    ) throws {
        let (input, ownBias, ownResidual) = (bare(x), bias.map(bare), residual.map(bare))
        let tracks = (x: isTracked(x), weight: isTracked(weight.tensor), bias: isTracked(bias))
        guard tracks.x || tracks.weight || tracks.bias || isTracked(residual) else {
            return try base.linear(
                input, bare(weight), bias: ownBias, activation: activation, residual: ownResidual, into: bare(result))
        }
        var sums: Tensor?
        if let activation {
            let own = try input.linear(bare(weight), bias: ownBias)
            sums = own
            if let ownResidual {
                try base.binary(.add, own.unary(activation), ownResidual, into: bare(result))
            } else {
                try base.unary(activation, own, into: bare(result))
            }
        } else {
            try base.linear(
                input, bare(weight), bias: ownBias, activation: nil, residual: ownResidual, into: bare(result))
        }
        let factor = tracks.weight ? input : nil
        let beforeActivation = sums
        remember(result, of: [x, weight.tensor, bias, residual]) { [unowned self] gradient in
            var inner = gradient
            if let activation, let beforeActivation {
                inner = try gradient.multiplied(by: beforeActivation.derivative(of: activation))
            }
            return [
                tracks.x ? try product(inner, weight, staysAsItIs: !tracks.weight) : nil,
                try factor.map { try inner.permuted([1, 0]).matmul($0) },
                tracks.bias ? try inner.columnSums() : nil,
                gradient,
            ]
        }
    }

    package func layerNorm(_ x: Tensor, _ norm: Normalization, activation: UnaryKind?, into result: Tensor) throws {
        let own = Normalization(gain: bare(norm.gain), bias: bare(norm.bias), epsilon: norm.epsilon)
        let input = bare(x)
        guard isTracked(x) || isTracked(norm.gain) || isTracked(norm.bias) else {
            return try base.layerNorm(input, own, activation: activation, into: bare(result))
        }
        guard activation == nil else { throw unsupported("layerNorm with an activation") }
        try base.layerNorm(input, own, activation: nil, into: bare(result))
        let tracks = (x: isTracked(x), parameters: isTracked(norm.gain) || isTracked(norm.bias))
        remember(result, of: [x, norm.gain, norm.bias]) { gradient in
            let (normed, deviation) = try input.normalized(epsilon: own.epsilon)
            var inputGradient: Tensor?
            if tracks.x {
                // dx = (g - mean(g) - normed · mean(g · normed)) / deviation, with g = gain · dy
                let scaled = try gradient.multiplied(by: own.gain)
                let parallel = try normed.multiplied(by: scaled.multiplied(by: normed).reduced(.mean))
                inputGradient = try scaled.binary(.subtract, scaled.reduced(.mean)).binary(.subtract, parallel)
                    .binary(.divide, deviation)
            }
            guard tracks.parameters else { return [inputGradient, nil, nil] }
            return [inputGradient, try gradient.multiplied(by: normed).columnSums(), try gradient.columnSums()]
        }
    }

    package func attention(
        _ queryKeyValue: Tensor, heads: Int, segments: Segments, precision: DType, into result: Tensor
    ) throws {
        let input = bare(queryKeyValue)
        try base.attention(input, heads: heads, segments: segments, precision: precision, into: bare(result))
        guard isTracked(queryKeyValue) else { return }
        guard segments.validRowCount == input.shape.rows else {
            throw unsupported("attention with rows between utterances, which mean nothing,")
        }
        remember(result, of: [queryKeyValue]) { gradient in
            [try input.attentionGradient(gradient, heads: heads, segments: segments)]
        }
    }

    // MARK: Passed on

    package func softmax(_ x: Tensor, logarithm: Bool, into result: Tensor) throws {
        try base.softmax(passed(x), logarithm: logarithm, into: bare(result))
    }

    package func channelStatistics(_ x: Tensor, segments: Segments, into result: Tensor) throws {
        try base.channelStatistics(passed(x), segments: segments, into: bare(result))
    }

    package func channelNorm(
        _ x: Tensor, segments: Segments, statistics: Tensor, _ norm: Normalization, activation: UnaryKind?,
        into result: Tensor
    ) throws {
        try base.channelNorm(
            passed(x), segments: segments, statistics: bare(statistics), passed(norm), activation: activation,
            into: bare(result))
    }

    package func convolution(
        _ x: Tensor, _ weight: PreparedWeight, bias: Tensor?, window: ConvolutionWindow, norm: Normalization?,
        activation: UnaryKind?, into result: Tensor
    ) throws {
        try base.convolution(
            passed(x), bare(weight), bias: bias.map(passed), window: window, norm: norm.map(passed),
            activation: activation, into: bare(result))
    }

    package func groupedConvolution(
        _ x: Tensor, _ weight: PreparedWeight, bias: Tensor?, segments: Segments, activation: UnaryKind?,
        into result: Tensor
    ) throws {
        try base.groupedConvolution(
            passed(x), bare(weight), bias: bias.map(passed), segments: segments, activation: activation,
            into: bare(result))
    }

    private func passed(_ norm: Normalization) throws -> Normalization {
        Normalization(gain: try passed(norm.gain), bias: try passed(norm.bias), epsilon: norm.epsilon)
    }
}

extension Tensor {
    /// `[rows, columns]` → `[columns]`
    fileprivate func columnSums() throws -> Tensor {
        let ones = try Tensor.filled(1, shape: [1, shape.rows], on: backend)
        return try ones.matmul(reshaped([shape.rows, shape.columns])).reshaped([shape.columns])
    }

    /// Rows less their mean by their deviation, and that: `[rows, 1]`.
    fileprivate func normalized(epsilon: Float) throws -> (normed: Tensor, deviation: Tensor) {
        let centered = try binary(.subtract, reduced(.mean))
        let variance = try centered.unary(.square).reduced(.mean)
        let deviation = try variance.plus(epsilon).unary(.squareRoot)
        return (try centered.binary(.divide, deviation), deviation)
    }

    /// The gradient of `attention` by queries, keys and values, as they are: `[rows, 3 · heads · size]`. The scores are
    /// computed again, each segment's as a whole.
    fileprivate func attentionGradient(_ gradient: Tensor, heads: Int, segments: Segments) throws -> Tensor {
        let width = gradient.shape[1]
        let size = width / heads
        let scale = 1 / Float(size).squareRoot()
        var parts: [Tensor] = []
        for index in 0..<segments.count where segments.lengths[index] > 0 {
            let frames = segments.lengths[index]
            let indices = segments[index].map(Int32.init)
            let factors = try gathered(rows: indices).reshaped([frames, 3, heads, size])
                .permuted([1, 2, 0, 3]).reshaped([3, heads * frames * size])
            let (q, k, v) = try (
                factors.gathered(rows: [0]).reshaped([heads, frames, size]).times(scale),
                factors.gathered(rows: [1]).reshaped([heads, frames, size]),
                factors.gathered(rows: [2]).reshaped([heads, frames, size])
            )
            let mixed = try gradient.gathered(rows: indices).reshaped([frames, heads, size]).permuted([1, 0, 2])
            let weights = try q.matmul(k, transposed: true).softmax()  // [heads, frames, frames], and below
            let byWeights = try mixed.matmul(v, transposed: true)
            let byScores = try weights.multiplied(
                by: byWeights.binary(.subtract, weights.multiplied(by: byWeights).reduced(.sum)))
            // Keys' and values' are made transposed, [heads, size, frames], so that no scores have to be.
            let byQueries = try byScores.matmul(k).times(scale).permuted([1, 0, 2])
            let byKeys = try q.permuted([0, 2, 1]).matmul(byScores).permuted([2, 0, 1])
            let byValues = try mixed.permuted([0, 2, 1]).matmul(weights).permuted([2, 0, 1])
            parts.append(
                try Tensor.concatenated([byQueries, byKeys, byValues].map { try $0.reshaped([frames, width]) })
                    .reshaped([3, frames, width]).permuted([1, 0, 2]).reshaped([frames, 3 * width]))
        }
        return try Tensor.concatenated(parts)
    }

    func plus(_ value: Float) throws -> Tensor { try adding(Tensor([value], shape: [1], on: backend)) }

    func times(_ value: Float) throws -> Tensor { try multiplied(by: Tensor([value], shape: [1], on: backend)) }
}
