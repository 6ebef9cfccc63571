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
            var lane = 0
            while lane < tileColumns {
                let inside = columns - column - lane
                let row = source.pointer + (inside > 0 ? column + lane : 0) * source.stride
                let target = panel + lane
                var k = first
                if inside >= 4 {
                    while k + 4 <= end {
                        transposeFour(row + k, source.stride, target + k &* tileColumns, tileColumns)
                        k += 4
                    }
                }
                while k < end {
                    for part in 0..<4 {
                        target[k &* tileColumns &+ part] = part < inside ? row[part &* source.stride &+ k] : 0
                    }
                    k += 1
                }
                lane += 4
            }
            first = end
        }
        column += tileColumns
    }
}

/// Four rows of four numbers, transposed.
@inline(__always) func transposeFour(
    _ x: UnsafePointer<Float>, _ xStride: Int, _ y: UnsafeMutablePointer<Float>, _ yStride: Int
) {
    @inline(__always) func row(_ index: Int) -> SIMD4<Float> {
        UnsafeRawPointer(x + index &* xStride).loadUnaligned(as: SIMD4<Float>.self)
    }
    @inline(__always) func store(_ value: SIMD4<Float>, _ index: Int) {
        UnsafeMutableRawPointer(y + index &* yStride).storeBytes(of: value, as: SIMD4<Float>.self)
    }
    let (a, b, c, d) = (row(0), row(1), row(2), row(3))
    let (ab0, ab1) = (SIMD4(a[0], b[0], a[1], b[1]), SIMD4(a[2], b[2], a[3], b[3]))
    let (cd0, cd1) = (SIMD4(c[0], d[0], c[1], d[1]), SIMD4(c[2], d[2], c[3], d[3]))
    store(SIMD4(ab0[0], ab0[1], cd0[0], cd0[1]), 0)
    store(SIMD4(ab0[2], ab0[3], cd0[2], cd0[3]), 1)
    store(SIMD4(ab1[0], ab1[1], cd1[0], cd1[1]), 2)
    store(SIMD4(ab1[2], ab1[3], cd1[2], cd1[3]), 3)
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

/// Panels of a type back to `[columns, depth]`, times the columns' scales.
@inline(never) func unpackPanels(
    _ panels: UnsafeRawPointer, _ type: PanelType, _ columns: Int, _ depth: Int, _ scales: UnsafePointer<Float>?,
    _ result: UnsafeMutablePointer<Float>
) {
    let (group, panelDepth) = (type.group, type.panelDepth(depth))
    for column in 0..<columns {
        let first = column / tileColumns * tileColumns * panelDepth + column % tileColumns * group
        let scale = scales.map { $0[column] } ?? 1
        for k in 0..<depth {
            let place = first &+ k / group &* group &* tileColumns &+ k % group
            let number = panels + place &* type.byteSize
            let value: Float
            switch type {
            case .float32: value = number.assumingMemoryBound(to: Float.self)[0]
            case .float16: value = Float(Float16(bitPattern: number.assumingMemoryBound(to: UInt16.self)[0]))
            case .bfloat16:
                value = Float(bitPattern: UInt32(number.assumingMemoryBound(to: UInt16.self)[0]) &<< 16)
            case .int16: value = Float(number.assumingMemoryBound(to: Int16.self)[0])
            case .int8: value = Float(number.assumingMemoryBound(to: Int8.self)[0])
            }
            result[column &* depth &+ k] = value * scale
        }
    }
}
