import SIMDKernelTable

/// A, rounded to 16 bits, as pairs `[2 ⌈depth / 4⌉, rows]`.
/// - Returns: what each row is to be multiplied with.
@inline(__always) func interleaveIntegerRows(
    _ task: borrowing ProductTask, _ rows: Int, into pairs: UnsafeMutablePointer<Int32>,
    _ rounded: UnsafeMutablePointer<Int32>, _ scales: UnsafeMutablePointer<Float>
) {
    let depth = task.a.columns
    for row in 0..<rows {
        let source = task.a.pointer + row * task.a.stride
        let scale = integerScale(source, depth, limit: 32767)
        scales[row] = scale.toFloats
        roundRow(source, scale.toIntegers, depth, into: rounded)
        for pair in 0..<(depth + 3) / 4 * 2 { pairs[pair &* rows &+ row] = rounded[pair] }
    }
}

/// `multiplyRows` over quads. Sums leave the integers whenever these could overflow.
@inline(__always) func multiplyIntegerRows(_ task: borrowing ProductTask, _ rows: Int) {
    let depth = task.a.columns
    let quadCount = (depth + 3) / 4
    let pairs = UnsafeMutableRawPointer(task.scratch).assumingMemoryBound(to: Int32.self)
    let scales = task.scratch + 2 * (rows + 1) * quadCount
    let edge = scales + rows
    if !task.hasInterleavedRows {
        interleaveIntegerRows(task, rows, into: pairs, pairs + 2 * rows * quadCount, scales)
    }
    let panelBytes = task.panelType.panelDepth(depth) * tileColumns
    var panel = task.panels
    var column = 0
    while column < task.n {
        var sums = twelve(splat(0))
        var bytes = panel
        var a = UnsafePointer(pairs)
        var first = 0
        while first < quadCount {
            let end = min(first + exactDepth / 4, quadCount)
            var tile = twelve(Bits(repeating: 0))
            @inline(__always) func multiply(_ b0: Bits, _ b1: Bits) {
                for row in 0..<rows {
                    let value = Bits(repeating: a[row])
                    tile[row &* 2] &+= dotPairs(value, b0)
                    tile[row &* 2 &+ 1] &+= dotPairs(value, b1)
                }
                a += rows
            }
            for _ in first..<end {
                prefetch(bytes, 4 * tileColumns)
                let (even0, odd0) = weightPairs(bytes)
                let (even1, odd1) = weightPairs(bytes + 4 * lanes)
                multiply(even0, even1)
                multiply(odd0, odd1)
                bytes += 4 * tileColumns
            }
            for index in 0..<2 * rows { sums[index] += floats(tile[index]) }
            first = end
        }
        let (s0, s1) = columnScales(task, column)
        write(
            task.c + column, task.cStride, rows, min(tileColumns, task.n - column), tileRows: rows,
            bias: task.bias.map { $0 + column }, edge: edge
        ) { sums[$0] * (splat(scales[$0 &>> 1]) * ($0 & 1 == 0 ? s0 : s1)) }
        column += tileColumns
        panel += panelBytes
    }
}
