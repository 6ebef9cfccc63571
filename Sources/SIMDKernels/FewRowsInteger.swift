import SIMDKernelTable

/// A, rounded to 16 bits or to 8 of them, as pairs `[⌈depth / 2⌉, rows]`.
/// - Returns: what each row is to be multiplied with.
@inline(__always) func interleaveIntegerRows(
    _ task: borrowing ProductTask, _ rows: Int, into pairs: UnsafeMutablePointer<Int32>,
    _ rounded: UnsafeMutablePointer<Int32>, _ scales: UnsafeMutablePointer<Float>
) {
    let depth = task.a.columns
    for row in 0..<rows {
        let source = task.a.pointer + row * task.a.stride
        let scale = integerScale(source, depth, limit: task.roundsActivations ? 127 : 32767)
        scales[row] = scale.toFloats
        roundRow(source, scale.toIntegers, depth, into: rounded)
        for pair in 0..<(depth + 1) / 2 { pairs[pair &* rows &+ row] = rounded[pair] }
    }
}

/// `multiplyRows` over pairs. Sums leave the integers whenever these could overflow.
@inline(__always) func multiplyIntegerRows(_ task: borrowing ProductTask, _ rows: Int) {
    let depth = task.a.columns
    let pairCount = (depth + 1) / 2
    let pairs = UnsafeMutableRawPointer(task.scratch).assumingMemoryBound(to: Int32.self)
    let scales = task.scratch + (rows + 1) * pairCount
    let edge = scales + rows
    if !task.hasInterleavedRows {
        interleaveIntegerRows(task, rows, into: pairs, pairs + rows * pairCount, scales)
    }
    let panelBytes = task.panelType.panelDepth(depth) * tileColumns
    var panel = task.panels
    var column = 0
    while column < task.n {
        var sums = twelve(splat(0))
        var bytes = panel
        var a = UnsafePointer(pairs)
        var first = 0
        while first < pairCount {
            let end = min(first + ProductTask.exactDepth / 2, pairCount)
            var tile = twelve(Bits(repeating: 0))
            @inline(__always) func addPair() {
                let (b0, b1) = (integerPairs(bytes), integerPairs(bytes + 2 * lanes))
                for row in 0..<rows {
                    let value = Bits(repeating: a[row])
                    tile[row &* 2] &+= dotPairs(value, b0)
                    tile[row &* 2 &+ 1] &+= dotPairs(value, b1)
                }
                a += rows
                bytes += 2 * tileColumns
            }
            for _ in 0..<(end - first) / 2 {
                prefetch(bytes, 4 * tileColumns)
                addPair()
                addPair()
            }
            if (end - first) & 1 == 1 { addPair() }
            for index in 0..<2 * rows { sums[index] += floats(tile[index]) }
            first = end
        }
        let (s0, s1) = columnScales(task.scales, column)
        write(
            task.c + column, task.cStride, rows, min(tileColumns, task.n - column), tileRows: rows,
            bias: task.bias.map { $0 + column }, edge: edge
        ) { sums[$0] * (splat(scales[$0 &>> 1]) * ($0 & 1 == 0 ? s0 : s1)) }
        column += tileColumns
        panel += panelBytes
    }
}
