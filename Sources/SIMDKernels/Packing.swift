import SIMDKernelTable

/// `[columns, depth]` into panels `[⌈columns / tileColumns⌉][depth][tileColumns]`, zeros beyond the last column.
@inline(never) func packTransposed(_ source: Matrix, _ panels: UnsafeMutablePointer<Float>) {
    let (columns, depth) = (source.rows, source.columns)
    var column = 0
    while column < columns {
        let panel = panels + column * depth
        // 64 steps of depth at a time: a part of the panel that stays in the first-level cache while each row of the
        // source is spread over its lines.
        var first = 0
        while first < depth {
            let end = min(first + 64, depth)
            for lane in 0..<tileColumns {
                let isInside = column + lane < columns
                let row = source.pointer + (isInside ? column + lane : 0) * source.stride
                let target = panel + lane
                for k in first..<end { target[k &* tileColumns] = isInside ? row[k] : 0 }
            }
            first = end
        }
        column += tileColumns
    }
}

/// `[depth, columns]` into the same panels.
@inline(never) func packRows(_ source: Matrix, _ panels: UnsafeMutablePointer<Float>) {
    let (depth, columns) = (source.rows, source.columns)
    var column = 0
    while column < columns {
        let panel = panels + column * depth
        let inside = min(tileColumns, columns - column)
        for k in 0..<depth {
            let row = source.pointer + (k * source.stride + column)
            let target = panel + k * tileColumns
            if inside == tileColumns {
                store(load(row), target)
                store(load(row + lanes), target + lanes)
            } else {
                for lane in 0..<tileColumns { target[lane] = lane < inside ? row[lane] : 0 }
            }
        }
        column += tileColumns
    }
}

/// Panels back to `[columns, depth]`.
@inline(never) func unpackTransposed(
    _ panels: UnsafePointer<Float>, _ type: PanelType, _ columns: Int, _ depth: Int,
    _ result: UnsafeMutablePointer<Float>
) {
    let (group, panelDepth) = (type.group, type.panelDepth(depth))
    for column in 0..<columns {
        let source =
            panels + (column / tileColumns * tileColumns * panelDepth + column % tileColumns * group)
        let target = result + column * depth
        for k in 0..<depth {
            target[k] = source[k / group &* group &* tileColumns &+ k % group]
        }
    }
}
