import SIMDKernelTable

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
                    let (low, high) = (
                        brainBits(values(source, 2 * pair, first)), brainBits(values(source, 2 * pair + 1, first))
                    )
                    store(low & Bits(repeating: 0xFFFF) | high &<< Bits(repeating: 16), target)
                    target += lanes
                }
            }
            column += tileColumns
        }
    }
#endif
