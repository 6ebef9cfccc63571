import Glibc

extension ReferenceBackend {
    public func layerNorm(_ x: Tensor, _ norm: Normalization, activation: UnaryKind?, into result: Tensor) throws {
        let (columns, rows) = (x.shape.columns, x.shape.rows)
        let (x, y) = (x.elements(), result.elements())
        for row in 0..<rows {
            let values = (0..<columns).map { Double(x[row * columns + $0]) }
            let normed = Self.normalized(values, norm)
            for column in 0..<columns {
                y[row * columns + column] = Float(activation.map { Self.value($0, normed[column]) } ?? normed[column])
            }
        }
    }

    public func softmax(_ x: Tensor, logarithm: Bool, into result: Tensor) throws {
        let (columns, rows) = (x.shape.columns, x.shape.rows)
        let (x, y) = (x.elements(), result.elements())
        for row in 0..<rows {
            let values = (0..<columns).map { Double(x[row * columns + $0]) }
            let largest = values.reduce(-.infinity) { Self.value(.maximum, $0, $1) }
            let sum = values.reduce(0) { $0 + exp($1 - largest) }
            for column in 0..<columns {
                let shifted = values[column] - largest
                y[row * columns + column] = Float(logarithm ? shifted - log(sum) : exp(shifted) / sum)
            }
        }
    }

    public func channelStatistics(_ x: Tensor, segments: Segments, into result: Tensor) throws {
        let channels = x.shape.columns
        let (x, y) = (x.elements(), result.elements())
        for index in 0..<segments.count {
            for channel in 0..<channels {
                let values = segments[index].map { Double(x[$0 * channels + channel]) }
                let count = Double(max(1, values.count))
                let mean = values.reduce(0, +) / count
                let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
                y[index * channels + channel] = Float(mean)
                y[(segments.count + index) * channels + channel] = Float(squares / count)
            }
        }
    }

    public func channelNorm(
        _ x: Tensor, segments: Segments, statistics: Tensor, _ norm: Normalization, activation: UnaryKind?,
        into result: Tensor
    ) throws {
        let channels = x.shape.columns
        let (x, y, statistics) = (x.elements(), result.elements(), statistics.elements())
        let (gain, bias) = (norm.gain.elements(), norm.bias.elements())
        y.update(repeating: 0)
        for index in 0..<segments.count {
            for channel in 0..<channels {
                let mean = Double(statistics[index * channels + channel])
                let variance = Double(statistics[(segments.count + index) * channels + channel])
                let deviation = (variance + Double(norm.epsilon)).squareRoot()
                for row in segments[index] {
                    let centered = Double(x[row * channels + channel]) - mean
                    let value = centered / deviation * Double(gain[channel]) + Double(bias[channel])
                    y[row * channels + channel] = Float(activation.map { Self.value($0, value) } ?? value)
                }
            }
        }
    }

    public func attention(
        _ queryKeyValue: Tensor, heads: Int, segments: Segments, precision: DType, into result: Tensor
    ) throws {
        counters.add(.attentions)
        let width = result.shape[1]
        let size = width / heads
        let (x, y) = (queryKeyValue.elements(), result.elements())
        let multiplyAdds = 2 * width * segments.lengths.reduce(0) { $0 + $1 * $1 }
        y.update(repeating: .nan)
        forSampledRows(of: result, multiplyAdds: multiplyAdds) { row in
            guard let index = (0..<segments.count).first(where: { segments[$0].contains(row) }) else { return }
            let frames = segments[index]
            for head in 0..<heads {
                let query = x.pointer(row * 3 * width + head * size)
                let scores = frames.map { frame in
                    dot(query, x.pointer(frame * 3 * width + width + head * size), count: size)
                        / Double(size).squareRoot()
                }
                let largest = scores.reduce(-.infinity) { Self.value(.maximum, $0, $1) }
                let weights = scores.map { exp($0 - largest) }
                let sum = weights.reduce(0, +)
                for channel in head * size..<(head + 1) * size {
                    var value = 0.0
                    for (frame, weight) in zip(frames, weights) {
                        value += weight * Double(x[frame * 3 * width + 2 * width + channel])
                    }
                    y[row * width + channel] = Float(value / sum)
                }
            }
        }
    }

    public func rowAttention(
        _ query: Tensor, _ keyValues: Tensor, rows: AttendedRows, heads: Int, into result: Tensor
    ) throws {
        counters.add(.attentions)
        let width = query.shape[1]
        let size = width / heads
        let (q, kv, y) = (query.elements(), keyValues.elements(), result.elements())
        for (index, list) in rows.lists.enumerated() {
            for head in 0..<heads {
                let scores = list.map { row in
                    dot(
                        q.pointer(index * width + head * size), kv.pointer(Int(row) * 2 * width + head * size),
                        count: size) / Double(size).squareRoot()
                }
                let largest = scores.reduce(-.infinity) { Self.value(.maximum, $0, $1) }
                let weights = scores.map { exp($0 - largest) }
                let sum = weights.reduce(0, +)
                for channel in head * size..<(head + 1) * size {
                    let value = zip(list, weights).reduce(0.0) { total, pair in
                        total + pair.1 * Double(kv[Int(pair.0) * 2 * width + width + channel])
                    }
                    y[index * width + channel] = Float(value / sum)
                }
            }
        }
    }

    public func append(_ x: Tensor, at row: Int, of cache: inout Tensor) throws {
        let (source, target) = (x.elements(), cache.elements())
        for index in source.indices { target[row * x.shape[1] + index] = source[index] }
    }

    /// `gain · (x - mean) / √(variance + ε) + bias`, an element a channel.
    static func normalized(_ values: [Double], _ norm: Normalization) -> [Double] {
        let (gain, bias) = (norm.gain.elements(), norm.bias.elements())
        let mean = values.reduce(0, +) / Double(values.count)
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
        let deviation = (variance + Double(norm.epsilon)).squareRoot()
        return values.indices.map { Double(gain[$0]) * (values[$0] - mean) / deviation + Double(bias[$0]) }
    }
}
