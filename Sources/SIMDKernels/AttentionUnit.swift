import SIMDKernelTable

/// What multiplies in attention: `A · panels`, the rows of A being queries, or weights of keys.
enum AttentionUnit {
    /// Multiply-adds of float32.
    case floats
    #if KERNELS_V4
        /// Dot products of bfloat16.
        case brains
    #endif
    #if KERNELS_V3 || KERNELS_V4
        /// AMX tiles of bfloat16.
        case tiles
    #endif

    @inline(__always) var isNarrow: Bool { self != .floats }
    @inline(__always) var byteSize: Int { isNarrow ? 2 : 4 }

    /// Rows that are multiplied at a time.
    @inline(__always) var rows: Int {
        #if KERNELS_V3 || KERNELS_V4
            if self == .tiles { return ProductTask.tileSpan }
        #endif
        return tileRows
    }

    /// How deep panels are stored.
    @inline(__always) func panelDepth(_ depth: Int) -> Int {
        isNarrow ? PanelType.bfloat16.panelDepth(depth) : depth
    }

    /// Rounds rows of a block to what the unit multiplies; float32 stays where it is. Tiles take rows in their own order,
    /// others where the rows were, in half the space.
    @inline(__always) func round(
        _ x: UnsafePointer<Float>, _ stride: Int, _ rows: Int, _ depth: Int, into result: UnsafeMutablePointer<Float>
    ) {
        switch self {
        case .floats: break
        #if KERNELS_V4
            case .brains:
                let words = UnsafeMutableRawPointer(result).assumingMemoryBound(to: Int32.self)
                for row in 0..<rows {
                    roundRow(x + row * stride, 1, zero: 0, depth, .brains, into: words + row * (stride / 2))
                }
        #endif
        #if KERNELS_V3 || KERNELS_V4
            case .tiles:
                let tileDepth = panelDepth(depth)
                for row in 0..<rows {
                    roundToTiles(
                        x + row * stride, depth, scale: 1, zero: 0, isInteger: false,
                        into: UnsafeMutableRawPointer(result) + tileRowOffset(row, 2 * tileDepth), tileDepth)
                }
        #endif
        }
    }

    /// `C (+)= A · panels` for whole tiles of rows and whole panels, each `panelDepth` deep, of which `depth` are used.
    /// `stride` is what `round` was told.
    @inline(__always) func multiply(
        _ a: UnsafePointer<Float>, _ stride: Int, _ rows: Int, _ panels: UnsafeRawPointer, _ panelDepth: Int,
        _ depth: Int, _ c: UnsafeMutablePointer<Float>, _ cStride: Int, _ columns: Int, accumulates: Bool,
        _ edge: UnsafeMutablePointer<Float>
    ) {
        var column = 0
        while column < columns {
            let panel = panels + column * panelDepth * byteSize
            var row = 0
            switch self {
            case .floats:
                while row < rows {
                    tile(
                        a + row * stride, stride, panel.assumingMemoryBound(to: Float.self), depth,
                        c + (row * cStride + column), cStride, tileRows, tileColumns, accumulates: accumulates,
                        bias: nil, edge: edge)
                    row += tileRows
                }
            #if KERNELS_V4
                case .brains:
                    let words = UnsafeRawPointer(a).assumingMemoryBound(to: Int32.self)
                    while row < rows {
                        let sums = computeWordTile(
                            words + row * (stride / 2), stride / 2, panel.assumingMemoryBound(to: Int32.self),
                            (depth + 1) / 2, .brains, rows: tileRows)
                        write(
                            c + (row * cStride + column), cStride, tileRows, tileColumns, accumulates: accumulates,
                            bias: nil, edge: edge
                        ) { vector(sums[$0]) }
                        row += tileRows
                    }
            #endif
            #if KERNELS_V3 || KERNELS_V4
                case .tiles:
                    // Sixteen columns and sixteen more; beyond the last, the same again for sums that nobody reads.
                    let second =
                        column + 16 < columns ? tileColumn(panels, column + 16, panelDepth * byteSize) : panel
                    let tileDepth = self.panelDepth(depth)
                    // Keys and values are in the second level already.
                    var next = panel
                    while row < rows {
                        sumTiles(
                            UnsafeRawPointer(a) + row * tileDepth * 2, panel, second, tileDepth / 32,
                            isInteger: false, into: edge, prefetching: &next, linesPerStep: 0)
                        addSums(
                            edge, to: c + (row * cStride + column), cStride, ProductTask.tileSpan, columns - column,
                            accumulates: accumulates, bias: nil,
                            edge: edge + ProductTask.tileSpan * ProductTask.tileSpan, scales: { _ in ColumnScales() }
                        ) { sum, _, _, _ in sum }
                        row += ProductTask.tileSpan
                    }
                    // A panel of AVX2 has sixteen columns.
                    column += ProductTask.tileSpan - tileColumns
            #endif
            }
            column += tileColumns
        }
    }
}

#if KERNELS_V3 || KERNELS_V4
    /// Keys `[columns, depth]` into bfloat16 panels, zeros beyond the last column and the depth.
    /// - Parameter scratch: room for a row.
    @inline(never) func packBrainKeys(
        _ source: Matrix, _ panels: UnsafeMutableRawPointer, _ scratch: UnsafeMutablePointer<Float>
    ) {
        let (columns, depth) = (source.rows, source.columns)
        let words = PanelType.bfloat16.panelDepth(depth) / 2
        let row = UnsafeMutableRawPointer(scratch).assumingMemoryBound(to: Int32.self)
        for pair in 0..<words { row[pair] = 0 }
        var column = 0
        while column < columns {
            let panel = panels.assumingMemoryBound(to: Int32.self) + column * words
            for lane in 0..<tileColumns {
                if column + lane < columns {
                    floatToBrain(
                        source.pointer + (column + lane) * source.stride,
                        UnsafeMutableRawPointer(row).assumingMemoryBound(to: UInt16.self), depth)
                    for pair in 0..<words { panel[pair &* tileColumns &+ lane] = row[pair] }
                } else {
                    for pair in 0..<words { panel[pair &* tileColumns &+ lane] = 0 }
                }
            }
            column += tileColumns
        }
    }

    /// Values `[depth, columns]` into the same panels.
    @inline(never) func packBrainValues(
        _ source: Matrix, _ panels: UnsafeMutableRawPointer, _ scratch: UnsafeMutablePointer<Float>
    ) {
        let (depth, columns) = (source.rows, source.columns)
        let words = PanelType.bfloat16.panelDepth(depth) / 2
        var column = 0
        while column < columns {
            var target = panels.assumingMemoryBound(to: Int32.self) + column * words
            for pair in 0..<words {
                for part in 0..<2 {
                    let first = column + part * lanes
                    let (low, high) = (brainBits(source, 2 * pair, first), brainBits(source, 2 * pair + 1, first))
                    store(low & Bits(repeating: 0xFFFF) | high &<< Bits(repeating: 16), target)
                    target += lanes
                }
            }
            column += tileColumns
        }
    }

    /// A vector of a row from a column on, zeros beyond the matrix.
    @inline(__always) func brainBits(_ source: Matrix, _ row: Int, _ column: Int) -> Bits {
        guard row < source.rows, column < source.columns else { return Bits(repeating: 0) }
        let pointer = source.pointer + (row * source.stride + column)
        let inside = source.columns - column
        return brainBits(inside >= lanes ? load(pointer) : load(pointer, first: inside))
    }
#endif
