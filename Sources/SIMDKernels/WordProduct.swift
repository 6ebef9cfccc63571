import SIMDKernelTable

/// `product` with int8 weights, for every processor.
@inline(never) func shortsProduct(_ task: borrowing ProductTask) { wordProduct(task, .shorts) }

#if KERNELS_V3 || KERNELS_V4
    /// `product` for int8 weights by VNNI, and for bfloat16 ones by AVX512_BF16.
    @inline(never) func dotsProduct(_ task: borrowing ProductTask) {
        #if KERNELS_V4
            if task.panelType == .bfloat16 { return brainsDotProduct(task) }
        #endif
        bytesDotProduct(task)
    }

    // A function each, so that no branch between the types stays in the loops.
    @inline(never) func bytesDotProduct(_ task: borrowing ProductTask) { wordProduct(task, .bytes) }
    #if KERNELS_V4
        @inline(never) func brainsDotProduct(_ task: borrowing ProductTask) { wordProduct(task, .brains) }
    #endif
#endif

/// The loops of `product` over words of neighbours in depth: A is rounded block by block, and each block of depth is
/// scaled as it is added to C.
@inline(__always) func wordProduct(_ task: borrowing ProductTask, _ word: Word) {
    let (m, k, n) = (task.a.rows, task.a.columns, task.n)
    let panelDepth = task.panelType.panelDepth(k)
    // Sixteen more, as in `product`.
    let mostStride = task.blockDepth / word.count + 16
    let edge = task.scratch + task.blockRows * mostStride
    let expanded = UnsafeMutableRawPointer(edge + ProductTask.edgeCount).assumingMemoryBound(to: Int32.self)
    let toIntegers = edge + (ProductTask.edgeCount + mostStride * tileColumns)
    let toFloats = toIntegers + task.blockRows
    let starts = UnsafeMutableRawPointer(toFloats + task.blockRows).assumingMemoryBound(to: Int32.self)
    let block = UnsafeMutableRawPointer(task.scratch).assumingMemoryBound(to: Int32.self)
    var row = 0
    while row < m {
        let rows = min(task.blockRows, m - row)
        let tiledRows = (rows + tileRows - 1) / tileRows * tileRows
        let cBlock = task.c + row * task.cStride
        if let limit = word.limit {
            for index in 0..<tiledRows {
                let source = task.a.pointer + (row + min(index, rows - 1)) * task.a.stride
                (toIntegers[index], toFloats[index]) = integerScale(source, k, limit: limit)
            }
        }
        var depth = 0
        repeat {
            let blockDepth = min(task.blockDepth, k - depth)
            let words = word.words(blockDepth)
            let blockStride = words + 16
            for index in 0..<tiledRows {
                let source = task.a.pointer + ((row + min(index, rows - 1)) * task.a.stride + depth)
                starts[index] = roundRow(
                    source, word.limit == nil ? 1 : toIntegers[index], blockDepth, word,
                    into: block + index * blockStride)
            }
            let isLast = depth + blockDepth == k
            var column = 0
            while column < n {
                let packed = task.panels + (column * panelDepth + depth * tileColumns) * task.panelType.byteSize
                let panel = wordPanel(packed, words, word, into: expanded)
                let (scales0, scales1) = columnScales(task.scales, column)
                let bias = isLast ? task.bias.map { $0 + column } : nil
                var tileRow = 0
                while tileRow < rows {
                    let rowScales = toFloats + tileRow
                    let left = rows - tileRow
                    withTileRows(for: left) { tileRows in
                        let sums = computeWordTile(
                            block + tileRow * blockStride, blockStride, panel, words, starts + tileRow, word,
                            rows: tileRows)
                        write(
                            cBlock + (tileRow * task.cStride + column), task.cStride, min(tileRows, left),
                            min(tileColumns, n - column), tileRows: tileRows, accumulates: depth > 0, bias: bias,
                            edge: edge
                        ) { index in
                            guard word.limit != nil else { return vector(sums[index]) }
                            return floats(sums[index])
                                * (splat(rowScales[index &>> 1]) * (index & 1 == 0 ? scales0 : scales1))
                        }
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

/// `computeTile` over words: `a` holds rows of them, `aStride` words apart, `b` a panel `[words][tileColumns]`.
/// - Parameter starts: what the sums of each row begin with; nil for 0.
@inline(__always) func computeWordTile(
    _ a: UnsafePointer<Int32>, _ aStride: Int, _ b: UnsafePointer<Int32>, _ words: Int,
    _ starts: UnsafePointer<Int32>?, _ word: Word, rows: Int
) -> TileOf<Bits> {
    var tile = tile(of: Bits(repeating: 0))
    if word.limit != nil, let starts {
        for row in 0..<rows {
            tile[row &* 2] = Bits(repeating: starts[row])
            tile[row &* 2 &+ 1] = tile[row &* 2]
        }
    }
    var panel = b
    for index in 0..<words {
        let b0 = load(panel)
        let b1 = load(panel + lanes)
        for row in 0..<rows {
            let value = Bits(repeating: a[row &* aStride &+ index])
            tile[row &* 2] = word.dot(tile[row &* 2], value, b0)
            tile[row &* 2 &+ 1] = word.dot(tile[row &* 2 &+ 1], value, b1)
        }
        panel += tileColumns
    }
    return tile
}

/// A part of a panel as words `[words][tileColumns]`: in place where it is stored so.
@inline(__always) func wordPanel(
    _ packed: UnsafeRawPointer, _ words: Int, _ word: Word, into result: UnsafeMutablePointer<Int32>
) -> UnsafePointer<Int32> {
    let panel = packed.assumingMemoryBound(to: Int32.self)
    guard word == .shorts else { return panel }
    shortsPanel(panel, words / 2, into: result)
    return UnsafePointer(result)
}

/// A part of an int8 panel as pairs of 16 bits.
@inline(never) func shortsPanel(_ packed: UnsafePointer<Int32>, _ quads: Int, into result: UnsafeMutablePointer<Int32>)
{
    var panel = packed
    var target = result
    for _ in 0..<quads {
        let (q0, q1) = (load(panel), load(panel + lanes))
        store(evenBytes(q0), target)
        store(evenBytes(q1), target + lanes)
        store(oddBytes(q0), target + tileColumns)
        store(oddBytes(q1), target + (tileColumns &+ lanes))
        panel += tileColumns
        target += 2 * tileColumns
    }
}

/// What the sums of a panel's columns are to be multiplied with.
@inline(__always) func columnScales(_ scales: UnsafePointer<Float>?, _ column: Int) -> (Vector, Vector) {
    guard let scales else { return (splat(1), splat(1)) }
    return (load(scales + column), load(scales + (column + lanes)))
}
