import SIMDKernelTable

/// `product` for at most `ProductTask.fewRows` rows, as a decoder's step has them: then reading the weights takes all
/// the time. Each is read once, expanded in registers and multiplied with all rows before the next is read; nothing is
/// written but the result. No norm.
@inline(never) func fewRowsProduct(_ task: borrowing ProductTask) {
    interleaveRows(task)
    switch task.panelType {
    case .float32: multiplyRows(task, 4) { load($0.assumingMemoryBound(to: Float.self)) }
    case .bfloat16: multiplyRows(task, 2) { brainFloats($0) }
    case .float16: multiplyRows(task, 2) { halfFloats($0) }
    case .int8: multiplyRows(task, 1) { floats($0) }
    }
    finishRows(task, row: 0, rows: task.a.rows)
}

/// Two vectors a row. No larger than it must be: then its initialiser is inlined everywhere, and no copy of it is left
/// for the linker to share between instruction sets.
typealias FewRowsTile = InlineArray<12, Vector>

/// A as `[depth, rows]`, so that the inner loop reads two streams: the panel and this.
@inline(__always) func interleaveRows(_ task: borrowing ProductTask) {
    let rows = task.a.rows
    for row in 0..<rows {
        let source = task.a.pointer + row * task.a.stride
        let target = task.scratch + row
        for k in 0..<task.a.columns { target[k &* rows] = source[k] }
    }
}

/// One loop a number of rows: only a constant lets the sums live in registers.
@inline(__always) func multiplyRows(
    _ task: borrowing ProductTask, _ byteSize: Int, _ expand: (UnsafeRawPointer) -> Vector
) {
    switch task.a.rows {
    case 1: multiplyRows(task, 1, byteSize, expand)
    case 2: multiplyRows(task, 2, byteSize, expand)
    case 3: multiplyRows(task, 3, byteSize, expand)
    case 4: multiplyRows(task, 4, byteSize, expand)
    case 5: multiplyRows(task, 5, byteSize, expand)
    default: multiplyRows(task, 6, byteSize, expand)
    }
}

@inline(__always) func multiplyRows(
    _ task: borrowing ProductTask, _ rows: Int, _ byteSize: Int, _ expand: (UnsafeRawPointer) -> Vector
) {
    let depth = task.a.columns
    let edge = task.scratch + rows * depth
    let half = lanes * byteSize
    var column = 0
    while column < task.n {
        let columns = min(tileColumns, task.n - column)
        var tile = FewRowsTile(repeating: splat(0))
        var panel = task.panels + column * depth * byteSize
        var a = UnsafePointer(task.scratch)
        for _ in 0..<depth {
            let b0 = expand(panel)
            let b1 = expand(panel + half)
            for row in 0..<rows {
                let value = splat(a[row])
                tile[row &* 2] = multiplyAdd(value, b0, tile[row &* 2])
                tile[row &* 2 &+ 1] = multiplyAdd(value, b1, tile[row &* 2 &+ 1])
            }
            panel += 2 * half
            a += rows
        }
        if let scales = task.scales {
            let (s0, s1) = (load(scales + column), load(scales + (column + lanes)))
            for row in 0..<rows {
                tile[row &* 2] *= s0
                tile[row &* 2 &+ 1] *= s1
            }
        }
        for row in 0..<rows {
            store(tile[row &* 2], edge + row &* tileColumns)
            store(tile[row &* 2 &+ 1], edge + (row &* tileColumns &+ lanes))
        }
        copyEdge(
            edge, task.c + column, task.cStride, rows, columns, false, task.bias.map { $0 + column })
        column += tileColumns
    }
}

/// bfloat16 is the upper half of a float32.
@inline(__always) func brainFloats(_ packed: UnsafeRawPointer) -> Vector {
    let halves = packed.assumingMemoryBound(to: UInt16.self)
    var wide = Bits(repeating: 0)
    for lane in 0..<lanes { wide[lane] = Int32(halves[lane]) }
    return vector(wide &<< Bits(repeating: 16))
}

/// Lane by lane, as `floats`.
@inline(__always) func halfFloats(_ packed: UnsafeRawPointer) -> Vector {
    let halves = packed.assumingMemoryBound(to: UInt16.self)
    var result = splat(0)
    for lane in 0..<lanes { result[lane] = Float(Float16(bitPattern: halves[lane])) }
    return result
}
