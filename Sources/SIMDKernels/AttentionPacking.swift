import SIMDKernelTable

#if KERNELS_V3 || KERNELS_V4
    /// Keys `[columns, depth]` into bfloat16 panels, zeros beyond the last column and the depth.
    /// - Parameter scratch: room for a panel's rows.
    @inline(never) func packBrainKeys(
        _ source: Matrix, _ panels: UnsafeMutableRawPointer, _ scratch: UnsafeMutablePointer<Float>
    ) {
        let (columns, depth) = (source.rows, source.columns)
        let panelDepth = PanelType.bfloat16.panelDepth(depth)
        let rows = UnsafeMutableRawPointer(scratch)
        var column = 0
        while column < columns {
            let count = min(tileColumns, columns - column)
            for lane in 0..<count {
                roundToBrains(
                    source.pointer + (column + lane) * source.stride, depth, panelDepth, rows + 2 * lane * panelDepth)
            }
            transpose(panelDepth, panelDepth, .bfloat16, panels + 2 * column * panelDepth) { lane in
                lane < count ? UnsafeRawPointer(rows + 2 * lane * panelDepth) : nil
            }
            column += tileColumns
        }
    }

    /// Rounds a row, with zeros up to `padded`, a whole number of vectors.
    @inline(__always) private func roundToBrains(
        _ row: UnsafePointer<Float>, _ count: Int, _ padded: Int, _ result: UnsafeMutableRawPointer
    ) {
        var index = 0
        while index < padded {
            let inside = count - index
            storeTileBrain(
                inside >= lanes ? load(row + index) : load(row + index, first: inside > 0 ? inside : 0),
                result + 2 * index)
            index += lanes
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
