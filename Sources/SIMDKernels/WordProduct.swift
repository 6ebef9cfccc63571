import CPUShim
import SIMDKernelTable

/// `product` with int16 weights, for every processor of the instruction set.
@inline(never) func shortsProduct(_ task: borrowing ProductTask) { wordProduct(task, .shortPairs) }

/// The same with int8 weights.
@inline(never) func integerProduct(_ task: borrowing ProductTask) {
    #if KERNELS_V3 || KERNELS_V4
        wordProduct(task, .bytePairs)
    #else
        wordProduct(task, .quadShorts)
    #endif
}

#if KERNELS_V3 || KERNELS_V4
    /// `product` for weights of integers by VNNI, and for bfloat16 ones by AVX512_BF16.
    @inline(never) func dotsProduct(_ task: borrowing ProductTask) {
        #if KERNELS_V4
            if task.panelType == .bfloat16 { return brainsDotProduct(task) }
        #endif
        if task.panelType == .int16 { shortsDotProduct(task) } else { bytesDotProduct(task) }
    }

    // A function each, so that no branch between the types stays in the loops.
    @inline(never) func shortsDotProduct(_ task: borrowing ProductTask) { wordProduct(task, .shorts) }
    #if KERNELS_V4
        @inline(never) func brainsDotProduct(_ task: borrowing ProductTask) { wordProduct(task, .brains) }
    #endif
#endif

#if KERNELS_V3 || KERNELS_V4 || arch(arm64)
    @inline(never) func bytesDotProduct(_ task: borrowing ProductTask) { wordProduct(task, .bytes) }
#endif

/// The loops of `product` over words of neighbours in depth: A is rounded block by block, and each block of depth is
/// scaled as it is added to C.
@inline(__always) func wordProduct(_ task: borrowing ProductTask, _ word: Word) {
    let (m, k, n) = (task.a.rows, task.a.columns, task.n)
    let panelDepth = task.panelType.panelDepth(k)
    let blockStride = ProductTask.rowStride(ofIntegers: word.isInteger)
    let edge = task.scratch + task.blockRows * blockStride
    let expanded = UnsafeMutableRawPointer(edge + ProductTask.edgeCount).assumingMemoryBound(to: Int32.self)
    let toIntegers = edge + (ProductTask.edgeCount + (task.blockDepth / word.count + 16) * tileColumns)
    let toFloats = toIntegers + task.blockRows
    let zeros = toFloats + task.blockRows
    let block = UnsafeMutableRawPointer(task.scratch).assumingMemoryBound(to: Int32.self)
    var row = 0
    while row < m {
        let rows = min(task.blockRows, m - row)
        let tiledRows = (rows + tileRows - 1) / tileRows * tileRows
        let cBlock = task.c + row * task.cStride
        for index in 0..<tiledRows {
            let source = task.a.pointer + (row + min(index, rows - 1)) * task.a.stride
            let scale = word.scale(source, k, steps: task.steps)
            (toIntegers[index], toFloats[index], zeros[index]) = (
                scale.toIntegers, scale.toFloats, Float(scale.zero)
            )
        }
        var depth = 0
        repeat {
            let blockDepth = min(task.blockDepth, k - depth)
            let words = word.words(blockDepth)
            for index in 0..<tiledRows {
                let source = task.a.pointer + ((row + min(index, rows - 1)) * task.a.stride + depth)
                roundRow(
                    source, toIntegers[index], zero: Int32(zeros[index]), blockDepth, word,
                    into: block + index * blockStride)
            }
            let isLast = depth + blockDepth == k
            var column = 0
            while column < n {
                let packed = task.panels + (column * panelDepth + depth * tileColumns) * task.panelType.byteSize
                let columns = ColumnScales(task, column)
                let panel = wordPanel(packed, blockDepth, word, into: expanded)
                let bias = isLast ? task.bias.map { $0 + column } : nil
                let prefetch = PanelPrefetch(
                    packed, task.panelType, blockDepth, of: panelDepth, steps: tiledRows / tileRows * words)
                var tileRow = 0
                while tileRow < rows {
                    let left = rows - tileRow
                    let prefetch = prefetch.from(step: tileRow / tileRows * words)
                    withTileRows(for: left) { tileRows in
                        let sums = computeWordTile(
                            block + tileRow * blockStride, blockStride, panel, words, word, rows: tileRows,
                            prefetching: prefetch)
                        write(
                            cBlock + (tileRow * task.cStride + column), task.cStride, min(tileRows, left),
                            min(tileColumns, n - column), tileRows: tileRows, accumulates: depth > 0, bias: bias,
                            edge: edge
                        ) { index in
                            guard word.isInteger else { return vector(sums[index]) }
                            let row = tileRow &+ index &>> 1
                            // The zero counts once, over the whole depth.
                            return columns.scaled(
                                floats(sums[index]), index & 1, scale: toFloats[row],
                                zero: depth == 0 ? zeros[row] : 0)
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

/// `computeTile` over words: `a` holds rows of them, `aStride` words apart, `b` a panel `[words][tileColumns]`. The
/// sums of a row begin with the starts.
@inline(__always) func computeWordTile(
    _ a: UnsafePointer<Int32>, _ aStride: Int, _ b: UnsafePointer<Int32>, _ words: Int, _ word: Word, rows: Int,
    from starts: (Bits, Bits) = (Bits(repeating: 0), Bits(repeating: 0)),
    prefetching prefetch: PanelPrefetch? = nil
) -> TileOf<Bits> {
    var tile = tile(of: starts.0)
    for row in 0..<rows { tile[row &* 2 &+ 1] = starts.1 }
    forEachStep(of: b, count: words, prefetching: prefetch) { index in
        let b0 = load(b + index &* tileColumns)
        let b1 = load(b + (index &* tileColumns &+ lanes))
        for row in 0..<rows {
            let value = a[row &* aStride &+ index]
            tile[row &* 2] = word.dot(tile[row &* 2], value, b0)
            tile[row &* 2 &+ 1] = word.dot(tile[row &* 2 &+ 1], value, b1)
        }
    }
    return tile
}

/// A part of a panel as words `[words][tileColumns]`: in place where it is stored so.
@inline(__always) func wordPanel(
    _ packed: UnsafeRawPointer, _ depth: Int, _ word: Word, into result: UnsafeMutablePointer<Int32>
) -> UnsafePointer<Int32> {
    let panel = packed.assumingMemoryBound(to: Int32.self)
    guard word.count == 2, word.hasByteWeights else { return panel }
    shortsPanel(panel, word.words(depth) / 2, into: result)
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

/// What turns sums of integers of a panel's columns into numbers.
struct ColumnScales {
    /// What a column's sums are to be multiplied with.
    private let scales: (Vector, Vector)
    /// What its integers add up to.
    private let totals: (Vector, Vector)

    /// Sums are numbers already.
    @inline(__always) init() { (scales, totals) = ((splat(1), splat(1)), (splat(0), splat(0))) }

    @inline(__always) init(_ task: borrowing ProductTask, _ column: Int) {
        @inline(__always) func pair(_ values: UnsafePointer<Float>?, _ absent: Float) -> (Vector, Vector) {
            guard let values else { return (splat(absent), splat(absent)) }
            return (load(values + column), load(values + (column + lanes)))
        }
        (scales, totals) = (pair(task.scales, 1), pair(task.totals, 0))
    }

    /// `(sum - zero · total) · scale` of the first or the second vector of columns.
    @inline(__always) func scaled(_ sum: Vector, _ half: Int, scale: Float, zero: Float) -> Vector {
        let (columnScale, total) = half == 0 ? (scales.0, totals.0) : (scales.1, totals.1)
        return multiplyAdd(splat(-zero), total, sum) * (splat(scale) * columnScale)
    }
}
