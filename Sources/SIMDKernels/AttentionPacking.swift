import SIMDKernelTable

#if KERNELS_V3 || KERNELS_V4
    /// Keys `[columns, depth]` into bfloat16 panels, zeros beyond the last column and the depth.
    /// - Parameter scratch: room for a panel's rows.
    @inline(never) func packBrainKeys(
        _ source: Matrix, _ panels: UnsafeMutableRawPointer, _ scratch: UnsafeMutablePointer<Float>
    ) {
        let (columns, depth) = (source.rows, source.columns)
        let panelDepth = PanelType.bfloat16.panelDepth(depth)
        let rows = UnsafeMutableRawPointer(scratch).assumingMemoryBound(to: UInt16.self)
        var column = 0
        while column < columns {
            let count = min(tileColumns, columns - column)
            for lane in 0..<count {
                floatToBrain(source.pointer + (column + lane) * source.stride, rows + lane * panelDepth, depth)
            }
            transpose(depth, panelDepth, .bfloat16, panels + 2 * column * panelDepth) { lane in
                lane < count ? UnsafeRawPointer(rows + lane * panelDepth) : nil
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
