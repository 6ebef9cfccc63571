#if KERNELS_V3 || KERNELS_V4
    import CPUShim
    import SIMDKernelTable

    // Products by AMX tiles. One instruction multiplies a tile of 16 rows and 64 bytes of depth with one of 16 columns in
    // 16 cycles; 2 × 2 of them share two loads a side, so that each load serves two products, and four sums hide the
    // latency of one. What surrounds them is ordinary vector code.

    /// `product` for bfloat16 and int8 weights.
    @inline(never) func tileProduct(_ task: borrowing ProductTask) {
        if task.panelType == .int8 { byteTileProduct(task) } else { brainTileProduct(task) }
    }

    // A function each, so that no branch between the types stays in the loops.
    @inline(never) func byteTileProduct(_ task: borrowing ProductTask) { tileLoops(task, isInteger: true) }
    @inline(never) func brainTileProduct(_ task: borrowing ProductTask) { tileLoops(task, isInteger: false) }

    /// The loops of `product`: a block of A, rounded, stays in the second-level cache, a panel's part in the first.
    @inline(__always) func tileLoops(_ task: borrowing ProductTask, isInteger: Bool) {
        let (m, k, n) = (task.a.rows, task.a.columns, task.n)
        let byteSize = isInteger ? 1 : 2
        let panelDepth = task.panelType.panelDepth(k)
        let panelBytes = panelDepth * byteSize
        let span = ProductTask.tileSpan
        let block = UnsafeMutableRawPointer(task.scratch)
        let sums = task.scratch + task.blockRows * task.blockDepth / 2
        let edge = sums + span * span
        let toIntegers = edge + span * span / 2
        let toFloats = toIntegers + task.blockRows
        let zeros = toFloats + task.blockRows
        xlsr_tiles_begin()
        var row = 0
        while row < m {
            let rows = min(task.blockRows, m - row)
            if isInteger {
                for index in 0..<rows {
                    let source = task.a.pointer + (row + index) * task.a.stride
                    let scale = rowScale(source, k, steps: task.steps)
                    (toIntegers[index], toFloats[index], zeros[index]) = (
                        scale.toIntegers, scale.toFloats, Float(scale.zero)
                    )
                }
            }
            var depth = 0
            repeat {
                let blockDepth = min(task.blockDepth, panelDepth - depth)
                for index in 0..<(rows + span - 1) / span * span {
                    // Beyond the last, that row again.
                    let inside = min(index, rows - 1)
                    roundToTiles(
                        task.a.pointer + ((row + inside) * task.a.stride + depth), min(blockDepth, k - depth),
                        scale: isInteger ? toIntegers[inside] : 1, zero: isInteger ? Int32(zeros[inside]) : 0,
                        isInteger: isInteger, into: block + tileRowOffset(index, blockDepth * byteSize), blockDepth)
                }
                let isLast = depth + blockDepth == panelDepth
                let steps = blockDepth * byteSize / 64
                let panels = task.panels + depth * tileColumns * byteSize
                let rowTiles = (rows + span - 1) / span
                // Lines of a panel's part, spread over its steps.
                let linesPerStep = (span + rowTiles - 1) / rowTiles
                var column = 0
                while column < n {
                    let first = tileColumn(panels, column, panelBytes)
                    // Beyond the last panel, the same one again, for sums that nobody reads.
                    let hasSecond = column + span / 2 < n
                    let second = hasSecond ? tileColumn(panels, column + span / 2, panelBytes) : first
                    // The next columns' part of the weights comes from memory meanwhile.
                    var next = tileColumn(panels, column + span, panelBytes)
                    var tileRow = 0
                    while tileRow < rows {
                        sumTiles(
                            block + tileRow * blockDepth * byteSize, first, second, steps, isInteger: isInteger,
                            into: sums, prefetching: &next, linesPerStep: linesPerStep)
                        addSums(
                            sums, to: task.c + ((row + tileRow) * task.cStride + column), task.cStride,
                            min(span, rows - tileRow), n - column, accumulates: depth > 0,
                            bias: isLast ? task.bias.map { $0 + column } : nil,
                            edge: edge, scales: { ColumnScales(task, column + $0) }
                        ) { sum, row, columns, half in
                            guard isInteger else { return sum }
                            // The zero counts once, over the whole depth.
                            return columns.scaled(
                                floats(bits(sum)), half, scale: toFloats[tileRow + row],
                                zero: depth == 0 ? zeros[tileRow + row] : 0)
                        }
                        tileRow += span
                    }
                    column += span
                }
                depth += blockDepth
            } while depth < panelDepth
            finishRows(task, row: row, rows: rows)
            row += rows
        }
        xlsr_tiles_end()
    }

    /// Where a row of a block of tiles begins, `[rows / 16][depth / tileDepth][16][64 bytes]`.
    @inline(__always) func tileRowOffset(_ row: Int, _ rowBytes: Int) -> Int {
        row / 16 * 16 * rowBytes + row % 16 * 64
    }

    /// Where sixteen columns of panels begin, each of which takes `panelBytes`.
    @inline(__always) func tileColumn(
        _ panels: UnsafeRawPointer, _ column: Int, _ panelBytes: Int
    ) -> UnsafeRawPointer {
        let panel = column / tileColumns * tileColumns
        return panels + (panel * panelBytes + (column - panel) * 4)
    }

    /// 32 × 32 sums over `steps` tiles of depth.
    /// - Parameter next: where to ask for so many lines a step, and where to go on doing so.
    @inline(__always) func sumTiles(
        _ rows: UnsafeRawPointer, _ first: UnsafeRawPointer, _ second: UnsafeRawPointer, _ steps: Int,
        isInteger: Bool, into sums: UnsafeMutablePointer<Float>, prefetching next: inout UnsafeRawPointer,
        linesPerStep: Int
    ) {
        let stride = 4 * tileColumns
        var (upper, lower) = (rows, rows + steps * 1024)
        var (first, second) = (first, second)
        xlsr_tiles_clear_sums()
        for _ in 0..<steps {
            xlsr_tiles_load_right(first, second, stride)
            xlsr_tiles_load_left(upper, lower)
            if isInteger { xlsr_tiles_multiply_bytes() } else { xlsr_tiles_multiply_brain() }
            for line in 0..<linesPerStep { xlsr_prefetch_second(next + 64 &* line) }
            next += 64 &* linesPerStep
            upper += 1024
            lower += 1024
            first += 16 * stride
            second += 16 * stride
        }
        xlsr_tiles_store_sums(sums)
    }

    /// Adds 32 × 32 sums to `rows` × `columns` of C, or sets these.
    /// - Parameters:
    ///   - scales: of the panel that begins with a column.
    ///   - value: what a vector of sums stands for, of a row and the first or the second half of a panel.
    @inline(__always) func addSums(
        _ sums: UnsafeMutablePointer<Float>, to c: UnsafeMutablePointer<Float>, _ cStride: Int, _ rows: Int,
        _ columns: Int, accumulates: Bool, bias: UnsafePointer<Float>?,
        edge: UnsafeMutablePointer<Float>, scales: (_ column: Int) -> ColumnScales,
        _ value: (_ sum: Vector, _ row: Int, _ columns: ColumnScales, _ half: Int) -> Vector
    ) {
        let span = ProductTask.tileSpan
        var part = 0
        while part < span, part < columns {
            let bias = bias.map { $0 + part }
            let panelScales = scales(part)
            var half = 0
            while half < rows {
                let values = sums + (half * span + part)
                write(
                    c + (half * cStride + part), cStride, min(16, rows - half), min(tileColumns, columns - part),
                    tileRows: 16, accumulates: accumulates, bias: bias, edge: edge
                ) { index in
                    let row = index &>> 1
                    return value(
                        load(values + (row &* span &+ (index & 1) &* lanes)), half &+ row, panelScales, index & 1)
                }
                half += 16
            }
            part += tileColumns
        }
    }

    /// Rounds a row's numbers to bfloat16 or to bytes, 64 bytes to a tile, with what zeros become up to `blockDepth`.
    @inline(__always) func roundToTiles(
        _ row: UnsafePointer<Float>, _ count: Int, scale: Float, zero: Int32, isInteger: Bool,
        into tile: UnsafeMutableRawPointer, _ blockDepth: Int
    ) {
        let tileDepth = isInteger ? 64 : 32
        let scales = splat(scale)
        var target = tile
        var first = 0
        while first < blockDepth {
            var index = 0
            while index < tileDepth {
                let inside = count - first - index
                let x =
                    inside >= lanes
                    ? load(row + (first + index)) : load(row + (first + index), first: inside > 0 ? inside : 0)
                if isInteger {
                    let value = rounded(x, scales, zero: zero)
                    let bytes = target.assumingMemoryBound(to: UInt8.self) + index
                    for lane in 0..<lanes { bytes[lane] = UInt8(truncatingIfNeeded: value[lane]) }
                } else {
                    #if KERNELS_V4
                        // Subnormal numbers become zero here; products take them as such anyway.
                        let brains = xlsr_round_to_brain(x)
                        (target + 2 * index).storeBytes(of: brains, as: type(of: brains))
                    #else
                        storeBrain(x, target.assumingMemoryBound(to: UInt16.self) + index)
                    #endif
                }
                index += lanes
            }
            target += 1024
            first += tileDepth
        }
    }
#endif
