import Glibc
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
        @Sendable func normalize(_ x: Matrix, into y: UnsafeMutablePointer<Float>, _ kernels: KernelTable) {
            var task = RowTask(x: x, y: y)
            task.gain = UnsafePointer(norm.gain.elements.pointer)
            task.bias = UnsafePointer(norm.bias.elements.pointer)
            task.epsilon = norm.epsilon
            task.activation = ElementFunction(activation)
            kernels.layerNorm(task)
        }
        guard let brains = result.brains, let tiles = kernels.tiles else {
            return runRows(x, into: result) { task, kernels in normalize(task.x, into: task.y, kernels) }
        }
        let (source, columns, kernels) = (x.elements, x.shape.columns, kernels)
        workers.run(over: x.shape.rows, grain: max(1, Self.grain / max(1, columns))) { rows in
            withUnsafeTemporaryAllocation(of: Float.self, capacity: columns) { row in
                guard let normed = row.baseAddress else { return }
                for index in rows {
                    normalize(
                        Matrix(source + index * columns, rows: 1, columns: columns, stride: columns), into: normed,
                        kernels)
                    tiles.roundToBrains(normed, brains + index * columns, columns)
                }
            }
        }
    }

    public func softmax(_ x: Tensor, logarithm: Bool, into result: Tensor) throws {
        if logarithm { return logSoftmax(x, into: result) }
        runRows(x, into: result) { task, kernels in kernels.softmax(task) }
    }

    /// Row by row, or in parts of one where rows are long: five hypotheses have a row each, of a whole vocabulary.
    private func logSoftmax(_ x: Tensor, into result: Tensor) {
        let (rows, columns) = (x.shape.rows, x.shape.columns)
        let parts = max(1, columns / Self.grain)
        var totals = Array(repeating: ExponentialTotal(largest: -.infinity, sum: 0), count: rows * parts)
        let (source, target, kernels) = (x.elements, result.elements, kernels)
        @Sendable func range(_ index: Int) -> Range<Int> {
            let (row, part) = (index / parts, index % parts)
            return row * columns + columns * part / parts..<row * columns + columns * (part + 1) / parts
        }
        let grain = max(1, Self.grain * parts / max(1, columns))
        totals.withUnsafeMutableBufferPointer { totals in
            guard let address = totals.baseAddress.map({ SharedPointer($0) }) else { return }
            workers.run(over: rows * parts, grain: grain) { indices in
                for index in indices {
                    let range = range(index)
                    address.pointer[index] = kernels.exponentialTotal(source + range.lowerBound, range.count)
                }
            }
        }
        let totalOfRows = (0..<rows).map { ExponentialTotal(totals[$0 * parts..<($0 + 1) * parts]) }
        workers.run(over: rows * parts, grain: grain) { indices in
            for index in indices {
                let range = range(index)
                kernels.logNormalize(
                    source + range.lowerBound, totalOfRows[index / parts], target + range.lowerBound, range.count)
            }
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
    public func channelStatistics(_ x: Tensor, segments: Segments, into result: Tensor) throws {
        let (source, target, kernels, columns) = (x.elements, result.elements, kernels, x.shape.columns)
        // Four cache lines of each row.
        let width = 64
        let blocks = (columns + width - 1) / width
        workers.run(segments.count * blocks) { task, _ in
            let (index, first) = (task / blocks, task % blocks * width)
            let (segment, count) = (segments[index], min(width, columns - first))
            let matrix = Matrix(
                source + segment.lowerBound * columns + first, rows: segment.count, columns: count, stride: columns)
            let (means, variances) = (
                target + index * columns + first, target + (segments.count + index) * columns + first
            )
            func setMeans(_ result: UnsafeMutablePointer<Float>, ofSquaresAround means: UnsafePointer<Float>?) {
                var sums = [Double](repeating: 0, count: count)
                kernels.columnSums(matrix, means, &sums)
                for column in 0..<count { result[column] = Float(sums[column] / Double(max(1, segment.count))) }
            }
            setMeans(means, ofSquaresAround: nil)
            setMeans(variances, ofSquaresAround: means)
        }
    }

    public func channelNorm(
        _ x: Tensor, segments: Segments, statistics: Tensor, _ norm: Normalization, activation: UnaryKind?,
        into result: Tensor
    ) throws {
        let (source, target, kernels, columns) = (x.elements, result.elements, kernels, x.shape.columns)
        if segments.validRowCount < x.shape.rows { try fill(0, into: result) }
        let (means, gain) = (statistics.elements, norm.gain.elements.pointer)
        let scales = try scratch(count: columns, workers: segments.count)
        defer { withExtendedLifetime(scales) {} }
        let rowsOfTask = max(1, Self.grain / max(1, columns))
        var parts: [(segment: Int, rows: Range<Int>)] = []
        for index in 0..<segments.count {
            let variances = means + (segments.count + index) * columns
            for column in 0..<columns {
                let deviation = (Double(variances[column]) + Double(norm.epsilon)).squareRoot()
                scales[index][column] = Float(Double(gain[column]) / deviation)
            }
            let rows = segments[index]
            for first in stride(from: rows.lowerBound, to: rows.upperBound, by: rowsOfTask) {
                parts.append((index, first..<min(first + rowsOfTask, rows.upperBound)))
            }
        }
        workers.run(parts.count) { [parts] part, _ in
            let (segment, rows) = parts[part]
            let matrix = Matrix(source + rows.lowerBound * columns, rows: rows.count, columns: columns, stride: columns)
            var task = RowTask(x: matrix, y: target + rows.lowerBound * columns)
            task.center = UnsafePointer(means + segment * columns)
            task.gain = UnsafePointer(scales[segment])
            task.bias = norm.bias.readOnly
            task.activation = ElementFunction(activation)
            kernels.scaleColumns(task)
        }
    }
}

extension ExponentialTotal {
    /// Of all numbers of some parts.
    fileprivate init(_ parts: ArraySlice<ExponentialTotal>) {
        let largest = parts.reduce(-.infinity) { $1.largest > $0 || $1.largest.isNaN ? $1.largest : $0 }
        self.init(largest: largest, sum: parts.reduce(0) { $0 + $1.sum * exp($1.largest - largest) })
    }
}
