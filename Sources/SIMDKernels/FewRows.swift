import CPUShim
import SIMDKernelTable

/// `product` for at most `ProductTask.fewRows` rows, as a decoder's step has them: then reading the weights takes all
/// the time. Each is read once, expanded in registers and multiplied with all rows before the next is read; nothing is
/// written but the result. No norm.
@inline(never) func fewRowsProduct(_ task: borrowing ProductTask) {
    prefetchFirstWeights(task)
    switch task.panelType {
    case .float32: forRows(of: task) { multiplyRows(task, $0, 4, plainSteps) }
    case .bfloat16: multiplyBrainRows(task)
    case .float16: forRows(of: task) { multiplyRows(task, $0, 2, halfSteps) }
    case .int16: multiplyShortRows(task)
    case .int8: multiplyByteRows(task)
    }
    finishRows(task, row: 0, rows: task.a.rows)
}

@inline(__always) func multiplyBrainRows(_ task: borrowing ProductTask) {
    #if KERNELS_V4
        if task.hasDots { return brainsFewRows(task) }
    #endif
    forRows(of: task) { multiplyRows(task, $0, 2, brainSteps) }
}

@inline(__always) func multiplyByteRows(_ task: borrowing ProductTask) {
    #if KERNELS_V3 || KERNELS_V4 || arch(arm64)
        if task.hasDots { return bytesFewRows(task) }
    #endif
    #if KERNELS_V3 || KERNELS_V4
        forRows(of: task) { multiplyWordRows(task, $0, .bytePairs) }
    #else
        forRows(of: task) { multiplyWordRows(task, $0, .quadShorts) }
    #endif
}

@inline(__always) func multiplyShortRows(_ task: borrowing ProductTask) {
    #if KERNELS_V3 || KERNELS_V4
        if task.hasDots { return shortsFewRows(task) }
    #endif
    forRows(of: task) { multiplyWordRows(task, $0, .shortPairs) }
}

#if KERNELS_V3 || KERNELS_V4
    // By VNNI, in functions that only processors with it may reach.
    @inline(never) func shortsFewRows(_ task: borrowing ProductTask) {
        forRows(of: task) { multiplyWordRows(task, $0, .shorts) }
    }
#endif

#if KERNELS_V3 || KERNELS_V4 || arch(arm64)
    @inline(never) func bytesFewRows(_ task: borrowing ProductTask) {
        forRows(of: task) { multiplyWordRows(task, $0, .bytes) }
    }
#endif

#if KERNELS_V4
    /// By AVX512_BF16, in a function that only processors with it may reach.
    @inline(never) func brainsFewRows(_ task: borrowing ProductTask) {
        forRows(of: task) { multiplyWordRows(task, $0, .brains) }
    }
#endif

/// Bytes of weights that are asked for ahead of their use: what memory gives in the time that it takes to answer.
/// On Zen 5 4096 read 8 to 15 % faster than 1024. On Zen 3 1024 suits float32 (7 % faster than 2048), which memory
/// bounds, and 2048 what takes longer to multiply (int8 8 % faster than with 1024).
@inline(__always) func prefetchDistance(isFloat32: Bool) -> Int {
    #if KERNELS_V4
        4096
    #else
        isFloat32 ? 1024 : 2048
    #endif
}

/// Asks for `byteCount` bytes that far ahead of a pointer.
@inline(__always) func prefetch(_ pointer: UnsafeRawPointer, _ byteCount: Int, isFloat32: Bool = false) {
    let distance = prefetchDistance(isFloat32: isFloat32)
    for line in 0..<(byteCount + 63) / 64 { xlsr_prefetch(pointer + (distance &+ 64 &* line)) }
}

/// Asks for the first weights of a task, which no loop before has asked for.
@inline(__always) func prefetchFirstWeights(_ task: borrowing ProductTask) {
    var byte = 0
    while byte < prefetchDistance(isFloat32: task.panelType == .float32) {
        xlsr_prefetch(task.panels + byte)
        byte += 64
    }
}

/// A as `[depth, rows]`, so that the inner loop reads two streams: the panel and this.
@inline(__always) func interleaveRows(_ task: borrowing ProductTask) {
    let rows = task.a.rows
    for row in 0..<rows {
        let source = task.a.pointer + row * task.a.stride
        let target = task.scratch + row
        if task.roundsActivations {
            for k in 0..<task.a.columns { target[k &* rows] = roundedToBrain(source[k]) }
        } else {
            for k in 0..<task.a.columns { target[k &* rows] = source[k] }
        }
    }
}

/// To nearest even; a NaN stays one.
@inline(__always) func roundedToBrain(_ x: Float) -> Float {
    guard x == x else { return x }
    let bits = x.bitPattern
    return Float(bitPattern: (bits &+ (bits &>> 16 & 1) &+ 0x7FFF) & 0xFFFF_0000)
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

/// - Parameter twoSteps: `tileColumns` weights of a step of depth, then those of the next, which may be absent.
@inline(__always) func multiplyRows(
    _ task: borrowing ProductTask, _ rows: Int, _ byteSize: Int,
    _ twoSteps: (UnsafeRawPointer, _ hasSecond: Bool) -> (Vector, Vector, Vector, Vector)
) {
    if !task.hasInterleavedRows { interleaveRows(task) }
    let depth = task.a.columns
    let stepBytes = tileColumns * byteSize
    let panelBytes = task.panelType.panelDepth(depth) * stepBytes
    let edge = task.scratch + rows * depth
    var first = task.panels
    var column = 0
    while column < task.n {
        // Two vectors a row.
        var tile = twelve(splat(0))
        var panel = first
        var a = UnsafePointer(task.scratch)
        @inline(__always) func add(_ b0: Vector, _ b1: Vector) {
            for row in 0..<rows {
                let value = a[row]
                tile[row &* 2] = multiplyAdd(value, b0, tile[row &* 2])
                tile[row &* 2 &+ 1] = multiplyAdd(value, b1, tile[row &* 2 &+ 1])
            }
            a += rows
        }
        for _ in 0..<depth / 2 {
            prefetch(panel, 2 * stepBytes, isFloat32: byteSize == 4)
            let (b0, b1, b2, b3) = twoSteps(panel, true)
            add(b0, b1)
            add(b2, b3)
            panel += 2 * stepBytes
        }
        if depth & 1 == 1 {
            let (b0, b1, _, _) = twoSteps(panel, false)
            add(b0, b1)
        }
        write(
            task.c + column, task.cStride, rows, min(tileColumns, task.n - column), tileRows: rows,
            bias: task.bias.map { $0 + column }, edge: edge
        ) { tile[$0] }
        column += tileColumns
        first += panelBytes
    }
}

@inline(__always) func plainSteps(_ p: UnsafeRawPointer, _ hasSecond: Bool) -> (Vector, Vector, Vector, Vector) {
    let p = p.assumingMemoryBound(to: Float.self)
    let second = hasSecond ? p + tileColumns : p
    return (load(p), load(p + lanes), load(second), load(second + lanes))
}

/// Behind the last of an odd number of steps there is a zero.
@inline(__always) func brainSteps(_ p: UnsafeRawPointer, _ hasSecond: Bool) -> (Vector, Vector, Vector, Vector) {
    let q = p + 4 * lanes
    return (brainFloats(p, 0), brainFloats(q, 0), brainFloats(p, 1), brainFloats(q, 1))
}

@inline(__always) func halfSteps(_ p: UnsafeRawPointer, _ hasSecond: Bool) -> (Vector, Vector, Vector, Vector) {
    let (half, size) = (2 * lanes, 2 * tileColumns)
    let second = hasSecond ? p + size : p
    return (halfFloats(p), halfFloats(p + half), halfFloats(second), halfFloats(second + half))
}

/// Lane by lane, as `floats`.
@inline(__always) func halfFloats(_ packed: UnsafeRawPointer) -> Vector {
    let halves = packed.assumingMemoryBound(to: UInt16.self)
    var result = splat(0)
    for lane in 0..<lanes { result[lane] = Float(Float16(bitPattern: halves[lane])) }
    return result
}
