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
        /// Dot products of integers of 16 bits.
        case shorts
        /// The same in two steps.
        case shortPairs
    #endif

    @inline(__always) var factor: PanelType {
        switch self {
        case .floats: return .float32
        #if KERNELS_V4
            case .brains: return .bfloat16
        #endif
        #if KERNELS_V3 || KERNELS_V4
            case .tiles: return .bfloat16
            case .bytes: return .int8
            case .shorts, .shortPairs: return .int16
        #endif
        }
    }

    @inline(__always) var isNarrow: Bool { self != .floats }
    @inline(__always) var byteSize: Int { factor.byteSize }

    /// Rows that are multiplied at a time.
    @inline(__always) var rows: Int {
        #if KERNELS_V3 || KERNELS_V4
            if self == .tiles { return ProductTask.tileSpan }
        #endif
        return tileRows
    }

    /// How deep panels are stored.
    @inline(__always) func panelDepth(_ depth: Int) -> Int { factor.panelDepth(depth) }

    /// Rounds rows of a block to what the unit multiplies; float32 stays where it is. Tiles take rows in their own
    /// order, others where the rows were, in half the space.
    /// - Parameters:
    ///   - totals: what each row adds up to, if its numbers are from 0 to 1.
    ///   - steps: of rows of integers, what their sums are to be multiplied with.
    // Transparent, as `multiply` is: the optimiser may leave merely inlined ones as functions with a switch at run
    // time.
    @_transparent func round(
        _ x: UnsafePointer<Float>, _ stride: Int, _ rows: Int, _ depth: Int, into result: UnsafeMutablePointer<Float>,
        totals: UnsafePointer<Float>? = nil, steps: UnsafeMutablePointer<Float>
    ) {
        switch self {
        case .floats: break
        #if KERNELS_V4
            case .brains: roundRows(x, stride, rows, depth, .brains, into: result, steps) { _ in 1 }
        #endif
        #if KERNELS_V3 || KERNELS_V4
            case .tiles:
                let tileDepth = panelDepth(depth)
                for row in 0..<rows {
                    TileFactor.brains.round(
                        x + row * stride, depth, scale: 1, zero: 0,
                        into: UnsafeMutableRawPointer(result) + TileFactor.brains.offset(ofRow: row, tileDepth),
                        tileDepth)
                }
            case .bytes:
                roundRows(x, stride, rows, depth, .bytes, zero: PanelSums.byteZero, into: result, steps) {
                    integerStep(x + $0 * stride, depth, .bytes)
                }
            case .shorts, .shortPairs:
                roundRows(x, stride, rows, depth, .shortPairs, into: result, steps) { row in
                    shortStep(x + row * stride, depth, totals.map { $0[row] })
                }
        #endif
        }
    }

    /// Turns scores into weights, and these into what the unit multiplies: `weighRows` and `round`, or both at once.
    @_transparent func weigh(
        _ scores: UnsafeMutablePointer<Float>, _ stride: Int, _ rows: Int, _ keys: Int,
        _ factors: UnsafePointer<Float>, _ maxima: UnsafePointer<Float>, _ totals: UnsafeMutablePointer<Float>,
        _ blockTotals: UnsafeMutablePointer<Float>, into result: UnsafeMutablePointer<Float>,
        steps: UnsafeMutablePointer<Float>
    ) {
        #if KERNELS_V3 || KERNELS_V4
            if self == .tiles {
                return weighTileRows(scores, stride, rows, keys, factors, maxima, totals, blockTotals, into: result)
            }
        #endif
        weighRows(scores, stride, rows, keys, factors, maxima, totals, blockTotals)
        round(scores, stride, rows, keys, into: result, totals: blockTotals, steps: steps)
    }

    /// `C (+)= A · panels` for whole tiles of rows and whole panels, each `panelDepth` deep, of which `depth` are used.
    /// - Parameters:
    ///   - stride: what `round` was told.
    ///   - panelSums: of panels of integers.
    ///   - rowSteps: what sums of rows of integers are multiplied with; nil for 1.
    @_transparent func multiply(
        _ a: UnsafePointer<Float>, _ stride: Int, _ rows: Int, _ panels: UnsafeRawPointer, _ panelDepth: Int,
        _ depth: Int, _ c: UnsafeMutablePointer<Float>, _ cStride: Int, _ columns: Int, accumulates: Bool,
        _ edge: UnsafeMutablePointer<Float>, _ panelSums: PanelSums, rowSteps: UnsafePointer<Float>? = nil
    ) {
        var column = 0
        while column < columns {
            let panel = panels + column * panelDepth * byteSize
            switch self {
            case .floats:
                var row = 0
                while row < rows {
                    tile(
                        a + row * stride, stride, panel.assumingMemoryBound(to: Float.self), depth,
                        c + (row * cStride + column), cStride, tileRows, tileColumns, accumulates: accumulates,
                        bias: nil, edge: edge)
                    row += tileRows
                }
            #if KERNELS_V4
                case .brains:
                    multiplyWords(
                        a, stride, rows, panel, depth, .brains, c + column, cStride, accumulates: accumulates, edge,
                        panelSums.from(column: column), rowSteps)
            #endif
            #if KERNELS_V3 || KERNELS_V4
                case .tiles:
                    // Sixteen columns and sixteen more; beyond the last, the same again for sums that nobody reads.
                    let second =
                        column + 16 < columns ? tileColumn(panels, column + 16, panelDepth * byteSize) : panel
                    let tileDepth = self.panelDepth(depth)
                    // Keys and values are in the second level already.
                    var next = panel
                    var row = 0
                    while row < rows {
                        sumTiles(
                            .brains, UnsafeRawPointer(a) + row * tileDepth * 2, TileFactor.brains.byteCount(tileDepth),
                            panel, second, 4 * tileColumns, tileDepth / 32, into: c + (row * cStride + column),
                            stride: cStride, continues: accumulates, prefetching: &next, linesPerStep: 0)
                        row += ProductTask.tileSpan
                    }
                    // A panel of AVX2 has sixteen columns.
                    column += ProductTask.tileSpan - tileColumns
                case .bytes:
                    multiplyWords(
                        a, stride, rows, panel, depth, .bytes, c + column, cStride, accumulates: accumulates, edge,
                        panelSums.from(column: column), rowSteps)
                case .shorts:
                    multiplyWords(
                        a, stride, rows, panel, depth, .shorts, c + column, cStride, accumulates: accumulates, edge,
                        panelSums.from(column: column), rowSteps)
                case .shortPairs:
                    multiplyWords(
                        a, stride, rows, panel, depth, .shortPairs, c + column, cStride, accumulates: accumulates, edge,
                        panelSums.from(column: column), rowSteps)
            #endif
            }
            column += tileColumns
        }
    }
}

#if KERNELS_V3 || KERNELS_V4
    /// `AttentionUnit.multiply` by dot products, for a panel.
    // Transparent, as `roundRow` is.
    @_transparent func multiplyWords(
        _ a: UnsafePointer<Float>, _ stride: Int, _ rows: Int, _ panel: UnsafeRawPointer, _ depth: Int, _ word: Word,
        _ c: UnsafeMutablePointer<Float>, _ cStride: Int, accumulates: Bool, _ edge: UnsafeMutablePointer<Float>,
        _ sums: PanelSums, _ rowSteps: UnsafePointer<Float>?
    ) {
        let words = UnsafeRawPointer(a).assumingMemoryBound(to: Int32.self)
        let starts = word.hasZero ? sums.panelStarts : (Bits(repeating: 0), Bits(repeating: 0))
        let steps = word.isInteger ? sums.panelSteps : (splat(1), splat(1))
        var row = 0
        while row < rows {
            let tile = computeWordTile(
                words + row * (stride / 2), stride / 2, panel.assumingMemoryBound(to: Int32.self), word.words(depth),
                word, rows: tileRows, from: starts)
            write(
                c + row * cStride, cStride, tileRows, tileColumns, accumulates: accumulates, bias: nil, edge: edge
            ) { index in
                guard word.isInteger else { return vector(tile[index]) }
                let result = scaled(tile[index], index & 1 == 0 ? steps.0 : steps.1)
                guard let rowSteps else { return result }
                return result * splat(rowSteps[row &+ index &>> 1])
            }
            row += tileRows
        }
    }

    /// `AttentionUnit.round` to words.
    /// - Parameter step: of a row of integers, which goes to `steps`.
    @_transparent func roundRows(
        _ x: UnsafePointer<Float>, _ stride: Int, _ rows: Int, _ depth: Int, _ word: Word, zero: Int32 = 0,
        into result: UnsafeMutablePointer<Float>, _ steps: UnsafeMutablePointer<Float>, step: (_ row: Int) -> Float
    ) {
        let words = UnsafeMutableRawPointer(result).assumingMemoryBound(to: Int32.self)
        for row in 0..<rows {
            let step = step(row)
            roundRow(x + row * stride, 1 / step, zero: zero, depth, word, into: words + row * (stride / 2))
            steps[row] = step
        }
    }

    /// The step of a row of queries, or of weights that add up to a total.
    @inline(__always) func shortStep(
        _ x: UnsafePointer<Float>, _ depth: Int, _ total: Float?
    ) -> Float {
        if let total { return weightStep(total) }
        return integerStep(x, depth, .shorts)
    }
#endif
