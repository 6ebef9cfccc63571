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
        /// Dot products of bytes, for scores alone.
        case bytes
    #endif

    @inline(__always) var panelType: PanelType {
        switch self {
        case .floats: return .float32
        #if KERNELS_V4
            case .brains: return .bfloat16
        #endif
        #if KERNELS_V3 || KERNELS_V4
            case .tiles: return .bfloat16
            case .bytes: return .int8
        #endif
        }
    }

    @inline(__always) var isNarrow: Bool { self != .floats }
    @inline(__always) var byteSize: Int { panelType.byteSize }

    /// Rows that are multiplied at a time.
    @inline(__always) var rows: Int {
        #if KERNELS_V3 || KERNELS_V4
            if self == .tiles { return ProductTask.tileSpan }
        #endif
        return tileRows
    }

    /// How deep panels are stored.
    @inline(__always) func panelDepth(_ depth: Int) -> Int { panelType.panelDepth(depth) }

    /// Rounds rows of a block to what the unit multiplies; float32 stays where it is. Tiles take rows in their own order,
    /// others where the rows were, in half the space.
    /// - Parameter factors: of rows of bytes, what their sums are to be multiplied with.
    @inline(__always) func round(
        _ x: UnsafePointer<Float>, _ stride: Int, _ rows: Int, _ depth: Int, into result: UnsafeMutablePointer<Float>,
        factors: UnsafeMutablePointer<Float>? = nil
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
            case .bytes:
                let words = UnsafeMutableRawPointer(result).assumingMemoryBound(to: Int32.self)
                for row in 0..<rows {
                    let scale = byteScale(x + row * stride, depth)
                    roundRow(
                        x + row * stride, 1 / scale, zero: KeySums.queryZero, depth, .bytes,
                        into: words + row * (stride / 2))
                    factors?[row] = scale
                }
        #endif
        }
    }

    /// `C (+)= A · panels` for whole tiles of rows and whole panels, each `panelDepth` deep, of which `depth` are used.
    /// `stride` is what `round` was told.
    @inline(__always) func multiply(
        _ a: UnsafePointer<Float>, _ stride: Int, _ rows: Int, _ panels: UnsafeRawPointer, _ panelDepth: Int,
        _ depth: Int, _ c: UnsafeMutablePointer<Float>, _ cStride: Int, _ columns: Int, accumulates: Bool,
        _ edge: UnsafeMutablePointer<Float>, _ keySums: KeySums? = nil
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
                case .bytes:
                    guard let keySums = keySums?.from(key: column) else { return }
                    let words = UnsafeRawPointer(a).assumingMemoryBound(to: Int32.self)
                    let (scales, starts) = (keySums.panelScales, keySums.panelStarts)
                    while row < rows {
                        let sums = computeWordTile(
                            words + row * (stride / 2), stride / 2, panel.assumingMemoryBound(to: Int32.self),
                            (depth + 3) / 4, .bytes, rows: tileRows, from: starts)
                        write(
                            c + (row * cStride + column), cStride, tileRows, tileColumns, accumulates: accumulates,
                            bias: nil, edge: edge
                        ) { index in
                            scaled(sums[index], index & 1 == 0 ? scales.0 : scales.1)
                        }
                        row += tileRows
                    }
            #endif
            }
            column += tileColumns
        }
    }
}
