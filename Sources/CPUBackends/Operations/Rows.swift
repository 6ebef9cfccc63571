import SIMDKernelTable
import TensorEngine

extension CPUBackend {
    /// Splits the rows of `x` over the workers and hands each share to `body`.
    private func runRows(_ x: Tensor, into result: Tensor, _ body: @Sendable (borrowing RowTask, KernelTable) -> Void) {
        let (source, target, kernels) = (x.elements, result.elements, kernels)
        let columns = x.shape.columns
        workers.run(over: x.shape.rows, grain: max(1, Self.grain / max(1, columns))) { rows in
            let offset = rows.lowerBound * columns
            let matrix = Matrix(source + offset, rows: rows.count, columns: columns, stride: columns)
            body(RowTask(x: matrix, y: target + offset), kernels)
        }
    }

    public func layerNorm(_ x: Tensor, _ norm: Normalization, activation: UnaryKind?, into result: Tensor) throws {
        runRows(x, into: result) { task, kernels in
            var task = RowTask(x: task.x, y: task.y)
            task.gain = UnsafePointer(norm.gain.elements.pointer)
            task.bias = UnsafePointer(norm.bias.elements.pointer)
            task.epsilon = norm.epsilon
            task.activation = ElementFunction(activation)
            kernels.layerNorm(task)
        }
    }

    public func softmax(_ x: Tensor, logarithm: Bool, into result: Tensor) throws {
        runRows(x, into: result) { task, kernels in
            logarithm ? kernels.logSoftmax(task) : kernels.softmax(task)
        }
    }

    public func reduce(_ kind: ReduceKind, _ x: Tensor, into result: Tensor) throws {
        let (source, target, columns) = (x.elements, result.elements, x.shape.columns)
        workers.run(over: result.shape.count, grain: max(1, Self.grain / max(1, columns))) { rows in
            for row in rows {
                let values = UnsafeBufferPointer(start: source + row * columns, count: columns)
                target.pointer[row] = Self.reduce(kind, values)
            }
        }
    }

    private static func reduce(_ kind: ReduceKind, _ values: UnsafeBufferPointer<Float>) -> Float {
        switch kind {
        case .sum: return Float(values.reduce(0.0) { $0 + Double($1) })
        case .mean: return Float(values.reduce(0.0) { $0 + Double($1) } / Double(values.count))
        case .maximum: return values.reduce(-.infinity) { $1 > $0 || $1.isNaN ? $1 : $0 }
        }
    }

    public func argmax(_ x: Tensor, into result: Tensor) throws {
        let (source, columns) = (x.elements, x.shape.columns)
        let target = SharedPointer(result.storage.address.assumingMemoryBound(to: Int32.self))
        workers.run(over: result.shape.count, grain: max(1, Self.grain / max(1, columns))) { rows in
            for row in rows {
                let values = source + row * columns
                var best = 0
                for column in 1..<max(1, columns) where !values[best].isNaN {
                    if values[column] > values[best] || values[column].isNaN { best = column }
                }
                target.pointer[row] = Int32(best)
            }
        }
    }

    /// Two passes over each segment, in Double: a channel's values may be large beside their spread.
    public func channelNorm(
        _ x: Tensor, segments: Segments, _ norm: Normalization, activation: UnaryKind?, into result: Tensor
    ) throws {
        let (source, target, kernels) = (x.elements, result.elements, kernels)
        let (rows, columns) = (x.shape.rows, x.shape.columns)
        let isDense = segments.validRowCount == rows
        if !isDense { try fill(0, into: result) }
        workers.run(segments.count) { index, _ in
            let segment = segments[index]
            guard !segment.isEmpty else { return }
            let matrix = Matrix(
                source + segment.lowerBound * columns, rows: segment.count, columns: columns, stride: columns)
            var sums = [Double](repeating: 0, count: columns)
            kernels.columnSums(matrix, nil, &sums)
            let mean = sums.map { Float($0 / Double(segment.count)) }
            sums = [Double](repeating: 0, count: columns)
            kernels.columnSums(matrix, mean, &sums)
            let gain = norm.gain.elements.pointer
            let scale = (0..<columns).map {
                Float(Double(gain[$0]) / (sums[$0] / Double(segment.count) + Double(norm.epsilon)).squareRoot())
            }
            var task = RowTask(x: matrix, y: target + segment.lowerBound * columns)
            task.bias = norm.bias.readOnly
            task.activation = ElementFunction(activation)
            mean.withUnsafeBufferPointer { mean in
                scale.withUnsafeBufferPointer { scale in
                    task.center = mean.baseAddress
                    task.gain = scale.baseAddress
                    kernels.scaleColumns(task)
                }
            }
        }
    }
}
