import CPUShim
import SIMDKernelTable

/// Rows of C that one pass of the register tile covers, times two vectors of columns; made as `twelve` is.
#if KERNELS_V4
    typealias TileOf<Lanes> = InlineArray<28, Lanes>
    @inline(__always) func tile<Lanes>(of z: Lanes) -> TileOf<Lanes> {
        [z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z]
    }
#elseif arch(arm64)
    typealias TileOf<Lanes> = InlineArray<24, Lanes>
    @inline(__always) func tile<Lanes>(of z: Lanes) -> TileOf<Lanes> {
        [z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z]
    }
#else
    typealias TileOf<Lanes> = Twelve<Lanes>
    @inline(__always) func tile<Lanes>(of z: Lanes) -> TileOf<Lanes> { twelve(z) }
#endif
typealias Tile = TileOf<Vector>

/// `C[r, 0..<tileColumns] (+)= Σ A[r, k] · B[k, …]` for `rows` rows, a constant, in registers.
///
/// `a` points at row 0 of the tile, `b` at a panel; the accumulators never leave the registers until the end.
@inline(__always) func computeTile(
    _ a: UnsafePointer<Float>, _ aStride: Int, _ b: UnsafePointer<Float>, _ depth: Int, rows: Int,
    prefetching prefetch: PanelPrefetch? = nil
) -> Tile {
    var tile = tile(of: splat(0))
    forEachStep(of: b, count: depth, prefetching: prefetch) { k in
        let b0 = load(b + k &* tileColumns)
        let b1 = load(b + (k &* tileColumns &+ lanes))
        for row in 0..<rows {
            let value = a[row &* aStride &+ k]
            tile[row &* 2] = multiplyAdd(value, b0, tile[row &* 2])
            tile[row &* 2 &+ 1] = multiplyAdd(value, b1, tile[row &* 2 &+ 1])
        }
    }
    return tile
}

/// Steps of a register tile between two tests of whether there are more. What a step does besides multiplying costs
/// most where few registers make small tiles.
#if KERNELS_V4
    let stepsAtOnce = 1
#else
    let stepsAtOnce = 4
#endif

/// The body for each step of a register tile.
@inline(__always) func forEachStep<Number>(
    of panel: UnsafePointer<Number>, count: Int, prefetching prefetch: PanelPrefetch?, _ body: (_ step: Int) -> Void
) {
    var prefetch = prefetch
    var first = 0
    while first &+ stepsAtOnce <= count {
        prefetch?.advance(panel + first &* tileColumns)
        for step in 0..<stepsAtOnce { body(first &+ step) }
        first &+= stepsAtOnce
    }
    // Where single steps leave nothing over, no code for it either.
    while stepsAtOnce > 1, first < count {
        body(first)
        first &+= 1
    }
}

/// What the steps of register tiles ask for ahead of its use: of their own panel, whose part is larger than the
/// first-level cache, and of the next one, which the second level is to hold by then. Multiply-adds that wait for their
/// turn fill what the processor sees ahead: three or four steps, less time than even the second level takes under load.
struct PanelPrefetch {
    private var next: UnsafeRawPointer
    private let bytesPerStep: Int

    /// - Parameters:
    ///   - packed: the part that tiles are computed with.
    ///   - depth: how deep it is, of `panelDepth`.
    ///   - steps: those of all tiles of rows together.
    @inline(__always) init(
        _ packed: UnsafeRawPointer, _ type: PanelType, _ depth: Int, of panelDepth: Int, steps: Int
    ) {
        next = packed + tileColumns * panelDepth * type.byteSize
        bytesPerStep = tileColumns * depth * type.byteSize / (steps > 0 ? steps : 1)
    }

    @inline(__always) func from(step: Int) -> PanelPrefetch {
        var result = self
        result.next += step * bytesPerStep
        return result
    }

    /// - Parameter panel: where the next `stepsAtOnce` read.
    @inline(__always) mutating func advance(_ panel: UnsafeRawPointer) {
        // Sixteen steps ahead; on Emerald Rapids eight are as good, four aren't.
        let stepByteCount = 4 * tileColumns
        for line in 0..<stepsAtOnce &* stepByteCount / 64 {
            xlsr_prefetch(panel + (16 &* stepByteCount &+ 64 &* line))
        }
        // Few tiles of rows leave some of it to the processor.
        xlsr_prefetch_second(next)
        next += stepsAtOnce &* bytesPerStep
    }
}

/// The body for a tile of `tileRows`, or of half as many where these are enough.
@inline(__always) func withTileRows(for rows: Int, _ body: (_ tileRows: Int) -> Void) {
    if rows > tileRows / 2 { body(tileRows) } else { body(tileRows / 2) }
}

/// `computeTile`, added to C or set. `a` has `tileRows` readable rows; only `rows` × `columns` of C are written.
@inline(__always) func tile(
    _ a: UnsafePointer<Float>, _ aStride: Int, _ b: UnsafePointer<Float>, _ depth: Int,
    _ c: UnsafeMutablePointer<Float>, _ cStride: Int, _ rows: Int, _ columns: Int,
    accumulates: Bool, bias: UnsafePointer<Float>?, edge: UnsafeMutablePointer<Float>,
    prefetching prefetch: PanelPrefetch? = nil
) {
    withTileRows(for: rows) { tileRows in
        let tile = computeTile(a, aStride, b, depth, rows: tileRows, prefetching: prefetch)
        write(c, cStride, rows, columns, tileRows: tileRows, accumulates: accumulates, bias: bias, edge: edge) {
            tile[$0]
        }
    }
}

/// Adds the vectors of a tile, two a row, to C, or sets it (`accumulates` false), with an optional bias a column.
@inline(__always) func write(
    _ c: UnsafeMutablePointer<Float>, _ cStride: Int, _ rows: Int, _ columns: Int, tileRows: Int = tileRows,
    accumulates: Bool = false, bias: UnsafePointer<Float>?, edge: UnsafeMutablePointer<Float>,
    _ value: (_ index: Int) -> Vector
) {
    if rows == tileRows, columns == tileColumns {
        let (bias0, bias1) = (bias.map { load($0) } ?? splat(0), bias.map { load($0 + lanes) } ?? splat(0))
        for row in 0..<tileRows {
            var (v0, v1) = (value(row &* 2), value(row &* 2 &+ 1))
            let target = c + row &* cStride
            if accumulates {
                v0 += load(target)
                v1 += load(target + lanes)
            }
            if bias != nil {
                v0 += bias0
                v1 += bias1
            }
            store(v0, target)
            store(v1, target + lanes)
        }
    } else {
        // By way of memory that isn't the tile's own: a tile whose address is taken leaves the registers.
        for row in 0..<tileRows {
            store(value(row &* 2), edge + row &* tileColumns)
            store(value(row &* 2 &+ 1), edge + (row &* tileColumns &+ lanes))
        }
        copyEdge(edge, c, cStride, rows, columns, accumulates, bias)
    }
}

@inline(never) func copyEdge(
    _ values: UnsafePointer<Float>, _ c: UnsafeMutablePointer<Float>, _ cStride: Int, _ rows: Int, _ columns: Int,
    _ accumulates: Bool, _ bias: UnsafePointer<Float>?
) {
    for row in 0..<rows {
        for column in 0..<columns {
            var value = values[row * tileColumns + column]
            if accumulates { value += c[row * cStride + column] }
            if let bias { value += bias[column] }
            c[row * cStride + column] = value
        }
    }
}

/// Copies rows of a block of A next to each other, so that the block has no holes in the cache, and repeats the last
/// row up to a whole number of tiles.
@inline(__always) func copyBlock(
    _ a: UnsafePointer<Float>, _ aStride: Int, _ rows: Int, _ depth: Int,
    _ block: UnsafeMutablePointer<Float>, _ blockStride: Int
) {
    let padded = (rows + tileRows - 1) / tileRows * tileRows
    for row in 0..<padded {
        let source = a + (row < rows ? row : rows - 1) * aStride
        let target = block + row * blockStride
        var k = 0
        while k + lanes <= depth {
            store(load(source + k), target + k)
            k += lanes
        }
        while k < depth {
            target[k] = source[k]
            k += 1
        }
    }
}

/// The loops around the tile (Goto and van de Geijn 2008): a block of A and the part of a panel that it is multiplied
/// with stay in the second-level cache, and C is touched once a block of depth.
@inline(never) func product(_ task: borrowing ProductTask) {
    if task.panelType == .int8 { return integerProduct(task) }
    if task.panelType == .int16 { return shortsProduct(task) }
    let (m, k, n) = (task.a.rows, task.a.columns, task.n)
    let panelDepth = task.panelType.panelDepth(k)
    let blockStride = ProductTask.rowStride(ofIntegers: false)
    let edge = task.scratch + task.blockRows * blockStride
    let expanded = edge + ProductTask.edgeCount
    var row = 0
    while row < m {
        let rows = min(task.blockRows, m - row)
        let cBlock = task.c + row * task.cStride
        var depth = 0
        repeat {
            let blockDepth = min(task.blockDepth, k - depth)
            copyBlock(
                task.a.pointer + (row * task.a.stride + depth), task.a.stride, rows, blockDepth, task.scratch,
                blockStride)
            let isLast = depth + blockDepth == k
            var column = 0
            while column < n {
                let columns = min(tileColumns, n - column)
                let packed = task.panels + (column * panelDepth + depth * tileColumns) * task.panelType.byteSize
                let panel = float32Panel(packed, task.panelType, blockDepth, into: expanded)
                let bias = isLast ? task.bias.map { $0 + column } : nil
                let prefetch = PanelPrefetch(
                    packed, task.panelType, blockDepth, of: panelDepth,
                    steps: (rows + tileRows - 1) / tileRows * blockDepth)
                var tileRow = 0
                while tileRow < rows {
                    tile(
                        task.scratch + tileRow * blockStride, blockStride, panel, blockDepth,
                        cBlock + (tileRow * task.cStride + column), task.cStride, min(tileRows, rows - tileRow),
                        columns, accumulates: depth > 0, bias: bias, edge: edge,
                        prefetching: prefetch.from(step: tileRow / tileRows * blockDepth))
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

/// What `product` does after `A · B`, for a product that somebody else computed.
@inline(never) func finish(_ task: borrowing ProductTask) {
    if let bias = task.bias {
        for row in 0..<task.a.rows {
            addRow(bias, to: task.c + row * task.cStride, task.n)
        }
    }
    finishRows(task, row: 0, rows: task.a.rows)
}

@inline(__always) func addRow(_ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, _ count: Int) {
    var index = 0
    while index + lanes <= count {
        store(load(y + index) + load(x + index), y + index)
        index += lanes
    }
    while index < count {
        y[index] += x[index]
        index += 1
    }
}

/// Norm, activation and residual of rows that were just computed and are still in cache.
@inline(__always) func finishRows(_ task: borrowing ProductTask, row: Int, rows: Int) {
    let isPlain = task.activation == .identity && task.gain == nil && task.residual == nil
    guard !isPlain else { return }
    for index in row..<row + rows {
        let c = task.c + index * task.cStride
        if let gain = task.gain, let shift = task.shift {
            normalizeRow(c, c, task.n, gain, shift, task.epsilon)
        }
        applyFunction(task.activation, c, c, task.n)
        if let residual = task.residual {
            addRow(residual + index * task.cStride, to: c, task.n)
        }
    }
}

/// The smaller of two, without the library's generic one.
@inline(__always) func min(_ a: Int, _ b: Int) -> Int { a < b ? a : b }
