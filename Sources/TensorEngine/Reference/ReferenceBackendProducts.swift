extension ReferenceBackend {
    public func matmul(_ a: Tensor, _ b: Tensor, transposed: Bool, into result: Tensor) throws {
        counters.add(.products)
        let (rows, columns, depth) = (a.shape[a.shape.rank - 2], result.shape.columns, a.shape.columns)
        let (a, b, y) = (a.elements(), b.elements(), result.elements())
        let (rowStep, columnStep) = transposed ? (1, depth) : (columns, 1)
        // A row of the result, counted through the whole batch.
        forSampledRows(of: result, multiplyAdds: y.count * depth) { row in
            let matrix = row / rows * depth * columns
            for column in 0..<columns {
                let sum = dot(
                    a.pointer(row * depth), b.pointer(matrix + column * columnStep), count: depth, bStep: rowStep)
                y[row * columns + column] = Float(sum)
            }
        }
    }

    public func permute(_ x: Tensor, axes: [Int], into result: Tensor) throws {
        let shape = x.shape
        let strides = (0..<shape.rank).map { shape.dimensions[($0 + 1)...].reduce(1, *) }
        let (x, y) = (x.elements(), result.elements())
        for index in y.indices {
            var (rest, source) = (index, 0)
            for axis in axes.reversed() {
                source += rest % shape[axis] * strides[axis]
                rest /= shape[axis]
            }
            y[index] = x[source]
        }
    }

    public func concatenate(_ parts: [Tensor], into result: Tensor) throws {
        let elements: UnsafeMutableBufferPointer<Float> = result.elements()
        for (index, value) in parts.lazy.flatMap({ $0.elements() }).enumerated() { elements[index] = value }
    }

    public func gather(_ x: Tensor, rows indices: Tensor, into result: Tensor) throws {
        let columns = x.shape.columns
        let (x, indices, y) = (x.elements(), indices.elements(Int32.self), result.elements())
        for row in indices.indices {
            for column in 0..<columns {
                let source = Int(indices[row])
                y[row * columns + column] = source < 0 ? 0 : x[source * columns + column]
            }
        }
    }

    public func scatterAdd(_ x: Tensor, rows indices: Tensor, into result: Tensor) throws {
        let columns = x.shape.columns
        let (x, indices, y) = (x.elements(), indices.elements(Int32.self), result.elements())
        var sums = [Double](repeating: 0, count: y.count)
        for row in indices.indices where indices[row] >= 0 {
            for column in 0..<columns {
                sums[Int(indices[row]) * columns + column] += Double(x[row * columns + column])
            }
        }
        for index in y.indices { y[index] = Float(sums[index]) }
    }

    public func linear(
        _ x: Tensor, _ weight: PreparedWeight, bias: Tensor?, activation: UnaryKind?, residual: Tensor?,
        into result: Tensor
    ) throws {
        counters.add(.products)
        let (outputs, depth) = (weight.shape[0], weight.shape[1])
        let (x, w, y) = (x.elements(), weight.tensor.elements(), result.elements())
        let (bias, residual) = (bias?.elements(), residual?.elements())
        forSampledRows(of: result, multiplyAdds: y.count * depth) { row in
            for output in 0..<outputs {
                var value = dot(x.pointer(row * depth), w.pointer(output * depth), count: depth)
                if let bias { value += Double(bias[output]) }
                if let activation { value = Self.value(activation, value) }
                if let residual { value += Double(residual[row * outputs + output]) }
                y[row * outputs + output] = Float(value)
            }
        }
    }

    public func convolution(
        _ x: Tensor, _ weight: PreparedWeight, bias: Tensor?, window: ConvolutionWindow, norm: Normalization?,
        activation: UnaryKind?, into result: Tensor
    ) throws {
        counters.add(.products)
        let (outputs, depth, channels) = (weight.shape[0], weight.shape[1], x.shape[1])
        let (x, w, y, bias) = (x.elements(), weight.tensor.elements(), result.elements(), bias?.elements())
        forSampledRows(of: result, multiplyAdds: window.rows * outputs * depth) { row in
            var values = [Double](repeating: 0, count: outputs)
            for output in 0..<outputs {
                let start = row * window.stride * channels
                values[output] = dot(x.pointer(start), w.pointer(output * depth), count: depth)
                if let bias { values[output] += Double(bias[output]) }
            }
            if let norm { values = Self.normalized(values, norm) }
            if let activation { values = values.map { Self.value(activation, $0) } }
            for output in 0..<outputs { y[row * outputs + output] = Float(values[output]) }
        }
    }

    public func groupedConvolution(
        _ x: Tensor, _ weight: PreparedWeight, bias: Tensor?, segments: Segments, activation: UnaryKind?,
        into result: Tensor
    ) throws {
        counters.add(.products)
        let (width, depth, channels) = (weight.shape[1], weight.shape[2], x.shape[1])
        let kernel = depth / width
        let (x, w, y) = (x.elements(), weight.tensor.elements(), result.elements())
        let bias = bias?.elements()
        y.update(repeating: .nan)
        forSampledRows(of: result, multiplyAdds: segments.validRowCount * channels * depth) { row in
            guard let index = (0..<segments.count).first(where: { segments[$0].contains(row) }) else { return }
            for channel in 0..<channels {
                var value = Double(bias?[channel] ?? 0)
                let firstInput = channel / width * width  // of the channel's group
                for tap in 0..<kernel where segments[index].contains(row + tap - kernel / 2) {
                    let start = (row + tap - kernel / 2) * channels + firstInput
                    value += dot(x.pointer(start), w.pointer(channel * depth + tap * width), count: width)
                }
                if let activation { value = Self.value(activation, value) }
                y[row * channels + channel] = Float(value)
            }
        }
    }

    /// Runs `body` for the rows to compute and makes all others NaN.
    func forSampledRows(of result: Tensor, multiplyAdds: Int, _ body: (Int) -> Void) {
        let rows = sampledRows(of: result.shape.rows, multiplyAdds: multiplyAdds)
        if rows.count < result.shape.rows { result.elements().update(repeating: .nan) }
        rows.forEach(body)
    }
}

extension UnsafeMutableBufferPointer {
    /// The address of element `index`, which may be one past the end; nil in an empty buffer.
    func pointer(_ index: Int) -> UnsafeMutablePointer<Element>? { baseAddress.map { $0 + index } }
}
