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
            let words = (blockDepth + word.count - 1) / word.count
            let blockStride = words + 16
            for index in 0..<tiledRows {
                let source = task.a.pointer + ((row + min(index, rows - 1)) * task.a.stride + depth)
                roundRow(
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
                            block + tileRow * blockStride, blockStride, panel.words, words, panel.start0,
                            panel.start1, word, rows: tileRows)
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
@inline(__always) func computeWordTile(
    _ a: UnsafePointer<Int32>, _ aStride: Int, _ b: UnsafePointer<Int32>, _ words: Int, _ start0: Bits,
    _ start1: Bits, _ word: Word, rows: Int
) -> TileOf<Bits> {
    var tile = tile(of: start0)
    for row in 0..<rows { tile[row &* 2 &+ 1] = start1 }
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

/// A part of a panel as words `[words][tileColumns]`, and what the sums of its columns begin with.
@inline(__always) func wordPanel(
    _ packed: UnsafeRawPointer, _ words: Int, _ word: Word, into result: UnsafeMutablePointer<Int32>
) -> (words: UnsafePointer<Int32>, start0: Bits, start1: Bits) {
    let zero = Bits(repeating: 0)
    switch word {
    case .shorts:
        pairPanel(packed, words, into: result)
        return (UnsafePointer(result), zero, zero)
    #if KERNELS_V3 || KERNELS_V4
        case .bytes:
            quadPanel(packed, words, into: result)
            let starts = result + words * tileColumns
            return (UnsafePointer(result), load(starts), load(starts + lanes))
    #endif
    #if KERNELS_V4
        case .brains: return (packed.assumingMemoryBound(to: Int32.self), zero, zero)
    #endif
    }
}

/// A part of an int8 panel as pairs of 16 bits.
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

#if KERNELS_V3 || KERNELS_V4
    /// A part of an int8 panel as quads of depth, out of two steps of pairs each, and behind them -128 times the sum of
    /// each column, by which products with activations that are 128 more are too large.
    @inline(never) func quadPanel(_ packed: UnsafeRawPointer, _ quads: Int, into result: UnsafeMutablePointer<Int32>) {
        var pairs = packed
        var target = result
        let surplus = Bits(repeating: Int32(bitPattern: 0x8080_8080))
        var (sum0, sum1) = (Bits(repeating: 0), Bits(repeating: 0))
        for _ in 0..<quads {
            let quad0 = byteQuads(pairs, pairs + 2 * tileColumns)
            let quad1 = byteQuads(pairs + 2 * lanes, pairs + (2 * tileColumns + 2 * lanes))
            store(quad0, target)
            store(quad1, target + lanes)
            sum0 = Word.bytes.dot(sum0, surplus, quad0)
            sum1 = Word.bytes.dot(sum1, surplus, quad1)
            pairs += 4 * tileColumns
            target += tileColumns
        }
        store(Bits(repeating: 0) &- sum0, target)
        store(Bits(repeating: 0) &- sum1, target + lanes)
    }

    /// A pair of bytes of each column and the pair that follows it.
    @inline(__always) func byteQuads(_ first: UnsafeRawPointer, _ second: UnsafeRawPointer) -> Bits {
        unsignedIntegers(first) | unsignedIntegers(second) &<< Bits(repeating: 16)
    }
#endif

/// What the sums of a panel's columns are to be multiplied with.
@inline(__always) func columnScales(_ scales: UnsafePointer<Float>?, _ column: Int) -> (Vector, Vector) {
    guard let scales else { return (splat(1), splat(1)) }
    return (load(scales + column), load(scales + (column + lanes)))
}
