import CPUShim
import SIMDKernelTable

/// `product` for at most `ProductTask.fewRows` rows, as a decoder's step has them: then reading the weights takes all
/// the time. Each is read once, expanded in registers and multiplied with all rows before the next is read; nothing is
/// written but the result. No norm.
@inline(never) func fewRowsProduct(_ task: borrowing ProductTask) {
    switch task.panelType {
    case .float32: forRows(of: task) { multiplyRows(task, $0, 4, plainSteps, plainFloats) }
    case .bfloat16: forRows(of: task) { multiplyRows(task, $0, 2, brainSteps, brainFloats) }
    case .float16: forRows(of: task) { multiplyRows(task, $0, 2, halfSteps, halfFloats) }
    case .int8: forRows(of: task) { multiplyIntegerRows(task, $0) }
    }
    finishRows(task, row: 0, rows: task.a.rows)
}

/// Bytes of weights that are asked for ahead of their use: a few hundred cycles' worth, the time that memory takes.
@inline(__always) var prefetchDistance: Int { 1024 }

/// Asks for `byteCount` bytes that far ahead of a pointer.
@inline(__always) func prefetch(_ pointer: UnsafeRawPointer, _ byteCount: Int) {
    for line in 0..<(byteCount + 63) / 64 { xlsr_prefetch(pointer + (prefetchDistance &+ 64 &* line)) }
}

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
@inline(__always) func forRows(of task: borrowing ProductTask, _ body: (Int) -> Void) {
    switch task.a.rows {
    case 1: body(1)
    case 2: body(2)
    case 3: body(3)
    case 4: body(4)
    case 5: body(5)
    default: body(6)
    }
}

/// - Parameters:
///   - twoSteps: `tileColumns` weights of a step of depth, then those of the next.
///   - floats: a vector of weights of one last step.
@inline(__always) func multiplyRows(
    _ task: borrowing ProductTask, _ rows: Int, _ byteSize: Int,
    _ twoSteps: (UnsafeRawPointer) -> (Vector, Vector, Vector, Vector), _ floats: (UnsafeRawPointer) -> Vector
) {
    if !task.hasInterleavedRows { interleaveRows(task) }
    let depth = task.a.columns
    let edge = task.scratch + rows * depth
    let half = lanes * byteSize
    var column = 0
    while column < task.n {
        // Two vectors a row.
        var tile = twelve(splat(0))
        var panel = task.panels + column * depth * byteSize
        var a = UnsafePointer(task.scratch)
        @inline(__always) func add(_ b0: Vector, _ b1: Vector) {
            for row in 0..<rows {
                let value = splat(a[row])
                tile[row &* 2] = multiplyAdd(value, b0, tile[row &* 2])
                tile[row &* 2 &+ 1] = multiplyAdd(value, b1, tile[row &* 2 &+ 1])
            }
            a += rows
        }
        for _ in 0..<depth / 2 {
            prefetch(panel, 4 * half)
            let (b0, b1, b2, b3) = twoSteps(panel)
            add(b0, b1)
            add(b2, b3)
            panel += 4 * half
        }
        if depth & 1 == 1 { add(floats(panel), floats(panel + half)) }
        write(
            task.c + column, task.cStride, rows, min(tileColumns, task.n - column), tileRows: rows,
            bias: task.bias.map { $0 + column }, edge: edge
        ) { tile[$0] }
        column += tileColumns
    }
}

@inline(__always) func plainFloats(_ p: UnsafeRawPointer) -> Vector { load(p.assumingMemoryBound(to: Float.self)) }
@inline(__always) func plainSteps(_ p: UnsafeRawPointer) -> (Vector, Vector, Vector, Vector) {
    let size = 4 * lanes
    return (plainFloats(p), plainFloats(p + size), plainFloats(p + 2 * size), plainFloats(p + 3 * size))
}

/// bfloat16 is the upper half of a float32.
@inline(__always) func brainFloats(_ p: UnsafeRawPointer) -> Vector {
    vector(unsignedIntegers(p) &<< Bits(repeating: 16))
}
@inline(__always) func brainSteps(_ p: UnsafeRawPointer) -> (Vector, Vector, Vector, Vector) {
    let ((first0, second0), (first1, second1)) = (brainPairs(p), brainPairs(p + 4 * lanes))
    return (first0, first1, second0, second1)
}

/// A vector of pairs: the first of each, the second of each.
@inline(__always) func brainPairs(_ p: UnsafeRawPointer) -> (Vector, Vector) {
    let pairs = bits(plainFloats(p))
    return (vector(pairs &<< Bits(repeating: 16)), vector(pairs & Bits(repeating: -0x1_0000)))
}

/// Lane by lane, as `floats`.
@inline(__always) func halfFloats(_ p: UnsafeRawPointer) -> Vector {
    let halves = p.assumingMemoryBound(to: UInt16.self)
    var result = splat(0)
    for lane in 0..<lanes { result[lane] = Float(Float16(bitPattern: halves[lane])) }
    return result
}
@inline(__always) func halfSteps(_ p: UnsafeRawPointer) -> (Vector, Vector, Vector, Vector) {
    let size = 2 * lanes
    return (halfFloats(p), halfFloats(p + size), halfFloats(p + 2 * size), halfFloats(p + 3 * size))
}
