import SIMDKernelTable

/// `computeTile` over pairs in depth: `a` holds rows of them, `aStride` pairs apart, `b` a panel `[pairs][tileColumns]`.
@inline(__always) func computeIntegerTile(
    _ a: UnsafePointer<Int32>, _ aStride: Int, _ b: UnsafePointer<Int32>, _ pairs: Int
) -> TileOf<Bits> {
    var tile = tile(of: Bits(repeating: 0))
    var panel = b
    for pair in 0..<pairs {
        let b0 = load(panel)
        let b1 = load(panel + lanes)
        for row in 0..<tileRows {
            let value = Bits(repeating: a[row &* aStride &+ pair])
            tile[row &* 2] &+= dotPairs(value, b0)
            tile[row &* 2 &+ 1] &+= dotPairs(value, b1)
        }
        panel += tileColumns
    }
    return tile
}

/// A part of an int8 panel as pairs.
@inline(never) func pairPanel(_ packed: UnsafeRawPointer, _ pairs: Int, into result: UnsafeMutablePointer<Int32>) {
    var bytes = packed
    var target = result
    for _ in 0..<pairs {
        store(integerPairs(bytes), target)
        store(integerPairs(bytes + 2 * lanes), target + lanes)
        bytes += 2 * tileColumns
        target += tileColumns
    }
}

/// What the sums of a panel's columns are to be multiplied with.
@inline(__always) func columnScales(_ task: borrowing ProductTask, _ column: Int) -> (Vector, Vector) {
    guard let scales = task.scales else { return (splat(1), splat(1)) }
    return (load(scales + column), load(scales + (column + lanes)))
}

/// `product` with int8 weights: the same loops over integers, each block of depth scaled as it is added to C.
@inline(never) func integerProduct(_ task: borrowing ProductTask) {
    let (m, k, n) = (task.a.rows, task.a.columns, task.n)
    let panelDepth = task.panelType.panelDepth(k)
    let mostDepth = min(task.blockDepth, exactDepth)
    let edge = task.scratch + task.blockRows * (task.blockDepth + 16)
    let expanded = UnsafeMutableRawPointer(edge + ProductTask.edgeCount).assumingMemoryBound(to: Int32.self)
    let toIntegers = edge + (ProductTask.edgeCount + task.blockDepth * tileColumns)
    let toFloats = toIntegers + task.blockRows
    let block = UnsafeMutableRawPointer(task.scratch).assumingMemoryBound(to: Int32.self)
    var row = 0
    while row < m {
        let rows = min(task.blockRows, m - row)
        let tiledRows = (rows + tileRows - 1) / tileRows * tileRows
        let cBlock = task.c + row * task.cStride
        for index in 0..<tiledRows {
            let source = task.a.pointer + (row + min(index, rows - 1)) * task.a.stride
            (toIntegers[index], toFloats[index]) = integerScale(source, k, limit: 32767)
        }
        var depth = 0
        repeat {
            let blockDepth = min(mostDepth, k - depth)
            let pairs = (blockDepth + 1) / 2
            // Sixteen more, as in `product`.
            let blockStride = pairs + 16
            for index in 0..<tiledRows {
                let source = task.a.pointer + ((row + min(index, rows - 1)) * task.a.stride + depth)
                roundRow(source, toIntegers[index], blockDepth, into: block + index * blockStride)
            }
            let isLast = depth + blockDepth == k
            var column = 0
            while column < n {
                pairPanel(task.panels + (column * panelDepth + depth * tileColumns), pairs, into: expanded)
                let (scales0, scales1) = columnScales(task, column)
                let bias = isLast ? task.bias.map { $0 + column } : nil
                var tileRow = 0
                while tileRow < rows {
                    let sums = computeIntegerTile(block + tileRow * blockStride, blockStride, expanded, pairs)
                    let rowScales = toFloats + tileRow
                    write(
                        cBlock + (tileRow * task.cStride + column), task.cStride, min(tileRows, rows - tileRow),
                        min(tileColumns, n - column), accumulates: depth > 0, bias: bias, edge: edge
                    ) { index in
                        floats(sums[index]) * (splat(rowScales[index &>> 1]) * (index & 1 == 0 ? scales0 : scales1))
                    }
                    tileRow += tileRows
                }
                column += tileColumns
            }
            depth += blockDepth
        } while depth < k
        finishRows(task, row: row, rows: rows)
        row += rows
    }
}
