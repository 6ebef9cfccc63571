import TensorEngine

extension ProfilingBackend {
    package func linear(
        _ x: Tensor, _ weight: PreparedWeight, bias: Tensor?, activation: UnaryKind?, residual: Tensor?,
        into result: Tensor
    ) throws {
        try measure(
            .linear(inputs: weight.shape[1], outputs: weight.shape[0]),
            operationCount: 2 * Double(x.shape.rows) * Double(weight.shape.count),
            [x, weight.tensor, bias, residual], into: result
        ) {
            try base.linear(
                own(x), own(weight), bias: bias.map(own), activation: activation, residual: residual.map(own), into: $0)
        }
    }

    package func layerNorm(_ x: Tensor, _ norm: Normalization, activation: UnaryKind?, into result: Tensor) throws {
        try measure(.norm, [x], into: result) {
            try base.layerNorm(own(x), own(norm), activation: activation, into: $0)
        }
    }

    package func softmax(_ x: Tensor, logarithm: Bool, into result: Tensor) throws {
        try measure([x], into: result) { try base.softmax(own(x), logarithm: logarithm, into: $0) }
    }

    package func channelStatistics(_ x: Tensor, segments: Segments, into result: Tensor) throws {
        try measure(.norm, [x], into: result) {
            try base.channelStatistics(own(x), segments: segments, into: $0)
        }
    }

    package func channelNorm(
        _ x: Tensor, segments: Segments, statistics: Tensor, _ norm: Normalization, activation: UnaryKind?,
        into result: Tensor
    ) throws {
        try measure(.norm, [x], into: result) {
            try base.channelNorm(
                own(x), segments: segments, statistics: own(statistics), own(norm), activation: activation, into: $0)
        }
    }

    package func convolution(
        _ x: Tensor, _ weight: PreparedWeight, bias: Tensor?, window: ConvolutionWindow, norm: Normalization?,
        activation: UnaryKind?, into result: Tensor
    ) throws {
        try measure(
            .convolution(inputs: x.shape[1]), operationCount: 2 * Double(window.rows) * Double(weight.shape.count),
            [x, weight.tensor, bias], into: result
        ) {
            try base.convolution(
                own(x), own(weight), bias: bias.map(own), window: window, norm: norm.map(own), activation: activation,
                into: $0)
        }
    }

    package func groupedConvolution(
        _ x: Tensor, _ weight: PreparedWeight, bias: Tensor?, segments: Segments, activation: UnaryKind?,
        into result: Tensor
    ) throws {
        try measure(
            .groupedConvolution, operationCount: 2 * Double(segments.validRowCount) * Double(weight.shape.count),
            [x, weight.tensor, bias], into: result
        ) {
            try base.groupedConvolution(
                own(x), own(weight), bias: bias.map(own), segments: segments, activation: activation, into: $0)
        }
    }

    package func attention(
        _ queryKeyValue: Tensor, heads: Int, segments: Segments, precision: DType, into result: Tensor
    ) throws {
        let pairs = segments.lengths.reduce(0.0) { $0 + Double($1) * Double($1) }
        try measure(.attention, operationCount: 4 * pairs * Double(result.shape.columns), [queryKeyValue], into: result)
        {
            try base.attention(own(queryKeyValue), heads: heads, segments: segments, precision: precision, into: $0)
        }
    }

    package func rowAttention(
        _ query: Tensor, _ keyValues: Tensor, rows: AttendedRows, heads: Int, into result: Tensor
    ) throws {
        let pairs = Double(rows.rows.shape.count)
        try measure(
            .attention, operationCount: 4 * pairs * Double(result.shape.columns), [query, keyValues], into: result
        ) {
            let ownRows = AttendedRows(rows, rows: own(rows.rows), starts: own(rows.starts))
            try base.rowAttention(own(query), own(keyValues), rows: ownRows, heads: heads, into: $0)
        }
    }

    package func append(_ x: Tensor, at row: Int, of cache: inout Tensor) throws {
        var ownCache = own(cache)
        try measure([x], into: cache) { _ in try base.append(own(x), at: row, of: &ownCache) }
        cache = moved(ownCache, to: self)
    }
}
