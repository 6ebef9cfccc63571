import SIMDKernelTable

/// `gain · (x - mean) / √(variance + ε) + bias` of one row, in two passes over it and one for the result.
@inline(__always) func normalizeRow(
    _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int, _ gain: UnsafePointer<Float>,
    _ bias: UnsafePointer<Float>, _ epsilon: Float
) {
    let mean = sumOf(x, count) { $0 } / Float(count)
    let center = splat(mean)
    let variance =
        sumOf(x, count, fill: mean) { value in
            let difference = value - center
            return difference * difference
        } / Float(count)
    let scale = splat(1 / (variance + epsilon).squareRoot())
    var index = 0
    while index + lanes <= count {
        let normed = (load(x + index) - center) * scale
        store(multiplyAdd(normed, load(gain + index), load(bias + index)), y + index)
        index += lanes
    }
    while index < count {
        y[index] = (x[index] - mean) * scale[0] * gain[index] + bias[index]
        index += 1
    }
}

/// The sum of `body` over a row, in four independent sums of vectors.
@inline(__always) func sumOf(
    _ x: UnsafePointer<Float>, _ count: Int, fill: Float = 0, _ body: (Vector) -> Vector
) -> Float {
    var (s0, s1, s2, s3) = (splat(0), splat(0), splat(0), splat(0))
    var index = 0
    while index + 4 * lanes <= count {
        s0 += body(load(x + index))
        s1 += body(load(x + (index + lanes)))
        s2 += body(load(x + (index + 2 * lanes)))
        s3 += body(load(x + (index + 3 * lanes)))
        index += 4 * lanes
    }
    while index + lanes <= count {
        s0 += body(load(x + index))
        index += lanes
    }
    if index < count { s1 += body(load(x + index, first: count - index, fill: fill)) }
    return sum((s0 + s1) + (s2 + s3))
}

@inline(never) func layerNorm(_ task: borrowing RowTask) {
    guard let gain = task.gain, let bias = task.bias else { return }
    for row in 0..<task.x.rows {
        let y = task.y + row * task.x.columns
        normalizeRow(task.x.pointer + row * task.x.stride, y, task.x.columns, gain, bias, task.epsilon)
        applyFunction(task.activation, y, y, task.x.columns)
    }
}

/// The largest element of a row; NaN when one is there.
@inline(__always) func largestOf(_ x: UnsafePointer<Float>, _ count: Int) -> Float {
    var top = splat(-.infinity)
    var nan = splat(0)
    var index = 0
    while index + lanes <= count {
        let value = load(x + index)
        top = larger(value, top)
        nan = nan.replacing(with: value, where: value .!= value)
        index += lanes
    }
    if index < count {
        let value = load(x + index, first: count - index, fill: -.infinity)
        top = larger(value, top)
        nan = nan.replacing(with: value, where: value .!= value)
    }
    let poison = sum(nan)
    return poison == 0 ? largest(top) : .nan
}

@inline(never) func softmax(_ task: borrowing RowTask) {
    let count = task.x.columns
    for row in 0..<task.x.rows {
        let x = task.x.pointer + row * task.x.stride
        let y = task.y + row * count
        let top = splat(largestOf(x, count))
        map(x, y, count) { exponentialBelowZero($0 - top) }
        let scale = splat(1 / sumOf(y, count) { $0 })
        map(y, y, count) { $0 * scale }
    }
}

/// The largest of some numbers and `Σ eˣ⁻ˡᵃʳᵍᵉˢᵗ`; NaN and anything when one is there, -∞ and 0 when there are no
/// others.
@inline(never) func exponentialTotal(_ x: UnsafePointer<Float>, _ count: Int) -> ExponentialTotal {
    let largest = largestOf(x, count)
    guard largest > -.infinity else { return ExponentialTotal(largest: largest, sum: 0) }
    let top = splat(largest)
    var total = splat(0)
    var index = 0
    while index < count {
        let part = index + lanes <= count ? load(x + index) : load(x + index, first: count - index, fill: -.infinity)
        total += exponentialBelowZero(part - top)
        index += lanes
    }
    return ExponentialTotal(largest: largest, sum: sum(total))
}

/// `y = x - largest - ln(sum)`
@inline(never) func logNormalize(
    _ x: UnsafePointer<Float>, _ total: ExponentialTotal, _ y: UnsafeMutablePointer<Float>, _ count: Int
) {
    let (top, logarithmOfSum) = (splat(total.largest), logarithm(splat(total.sum)))
    map(x, y, count) { ($0 - top) - logarithmOfSum }
}

/// Column sums of x, or of `(x - mean)²`, added to `sums`.
@inline(never) func columnSums(_ x: Matrix, _ mean: UnsafePointer<Float>?, _ sums: UnsafeMutablePointer<Double>) {
    for row in 0..<x.rows {
        let values = x.pointer + row * x.stride
        if let mean {
            for column in 0..<x.columns {
                let difference = Double(values[column] - mean[column])
                sums[column] += difference * difference
            }
        } else {
            for column in 0..<x.columns { sums[column] += Double(values[column]) }
        }
    }
}

@inline(never) func scaleColumns(_ task: borrowing RowTask) {
    guard let scale = task.gain, let shift = task.bias, let center = task.center else { return }
    for row in 0..<task.x.rows {
        let x = task.x.pointer + row * task.x.stride
        let y = task.y + row * task.x.columns
        for column in 0..<task.x.columns {
            y[column] = (x[column] - center[column]) * scale[column] + shift[column]
        }
        applyFunction(task.activation, y, y, task.x.columns)
    }
}
