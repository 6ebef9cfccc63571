import SIMDKernelTable

/// A, rounded to 16 bits, as pairs `[⌈depth / 2⌉, rows]`.
/// - Returns: what each row is to be multiplied with.
@inline(__always) func interleaveIntegerRows(
    _ task: borrowing ProductTask, _ rows: Int, into pairs: UnsafeMutablePointer<Int32>,
    _ rounded: UnsafeMutablePointer<Int32>, _ scales: UnsafeMutablePointer<Float>
) {
    let depth = task.a.columns
    for row in 0..<rows {
        let source = task.a.pointer + row * task.a.stride
        let scale = integerScale(source, depth)
        scales[row] = scale.toFloats
        roundRow(source, scale.toIntegers, depth, into: rounded)
        for pair in 0..<(depth + 1) / 2 { pairs[pair &* rows &+ row] = rounded[pair] }
    }
}

/// `multiplyRows` over pairs in depth. Sums leave the integers whenever these could overflow.
@inline(__always) func multiplyIntegerRows(_ task: borrowing ProductTask, _ rows: Int) {
    let depth = task.a.columns
    let pairCount = (depth + 1) / 2
    let pairs = UnsafeMutableRawPointer(task.scratch).assumingMemoryBound(to: Int32.self)
    let scales = task.scratch + (rows + 1) * pairCount
    let edge = scales + rows
    interleaveIntegerRows(task, rows, into: pairs, pairs + rows * pairCount, scales)
    var column = 0
    while column < task.n {
        var sums = fewRowsTile(of: splat(0))
        var bytes = task.panels + column * depth
        var a = UnsafePointer(pairs)
        var first = 0
        while first < pairCount {
            let end = min(first + exactDepth / 2, pairCount)
            var tile = fewRowsTile(of: Bits(repeating: 0))
            for pair in first..<end {
                // Behind an odd panel's last step there is none: its partner is multiplied with zero.
                let next = bytes + (2 &* pair &+ 1 < depth ? tileColumns : 0)
                let b0 = weightPairs(bytes, next)
                let b1 = weightPairs(bytes + lanes, next + lanes)
                for row in 0..<rows {
                    let value = Bits(repeating: a[row])
                    tile[row &* 2] &+= dotPairs(value, b0)
                    tile[row &* 2 &+ 1] &+= dotPairs(value, b1)
                }
                bytes += 2 * tileColumns
                a += rows
            }
            for index in 0..<2 * rows { sums[index] += floats(tile[index]) }
            first = end
        }
        let s0 = task.scales.map { load($0 + column) } ?? splat(1)
        let s1 = task.scales.map { load($0 + (column + lanes)) } ?? splat(1)
        for row in 0..<rows {
            let scale = splat(scales[row])
            sums[row &* 2] *= scale * s0
            sums[row &* 2 &+ 1] *= scale * s1
        }
        write(sums, rows, min(tileColumns, task.n - column), task, column, edge)
        column += tileColumns
    }
}
