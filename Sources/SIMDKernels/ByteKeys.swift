import SIMDKernelTable

/// Of panels of keys' bytes, and behind these: what sums of their products with queries' bytes begin with, and are to be
/// multiplied with. From some key on.
struct KeySums {
    private let scales: UnsafeMutablePointer<Float>
    private let starts: UnsafeMutablePointer<Int32>

    /// What is added to a query's bytes, to be unsigned; the sums begin with what takes it off.
    @inline(__always) static var queryZero: Int32 { 128 }

    @inline(__always) init(after panels: UnsafeRawPointer, keys: Int, size: Int) {
        let columns = (keys + tileColumns - 1) / tileColumns * tileColumns
        let end = UnsafeMutableRawPointer(mutating: panels) + columns * PanelType.int8.panelDepth(size)
        scales = end.assumingMemoryBound(to: Float.self)
        starts = (end + 4 * columns).assumingMemoryBound(to: Int32.self)
    }

    @inline(__always) private init(_ sums: KeySums, from key: Int) {
        (scales, starts) = (sums.scales + key, sums.starts + key)
    }

    @inline(__always) func from(key: Int) -> KeySums { KeySums(self, from: key) }

    /// Of the two vectors of a panel, the first key being its first.
    @inline(__always) var panelScales: (Vector, Vector) { (load(scales), load(scales + lanes)) }
    @inline(__always) var panelStarts: (Bits, Bits) { (load(starts), load(starts + lanes)) }

    @inline(__always) func set(key: Int, scale: Float) { scales[key] = scale }

    /// - Parameter totals: what the bytes of each of a panel's keys add up to.
    @inline(__always) func set(key: Int, totals: (Bits, Bits)) {
        let zero = Bits(repeating: -Self.queryZero)
        store(totals.0 &* zero, starts + key)
        store(totals.1 &* zero, starts + (key + lanes))
    }
}

/// Integers as numbers, times the scales.
@inline(__always) func scaled(_ integers: Bits, _ scales: Vector) -> Vector { floats(integers) * scales }

#if KERNELS_V3 || KERNELS_V4
    /// Keys less their mean, `[columns, depth]`, into int8 panels, zeros beyond the last column, and what belongs to their
    /// sums. What all keys have in common moves the scores of a query alike, which softmax doesn't see, but takes up steps
    /// (Zhang et al. 2024, SageAttention).
    /// - Parameter scratch: room for two rows.
    @inline(never) func packByteKeys(
        _ source: Matrix, _ panels: UnsafeMutableRawPointer, _ scratch: UnsafeMutablePointer<Float>
    ) {
        let (columns, depth) = (source.rows, source.columns)
        let panelDepth = PanelType.int8.panelDepth(depth)
        let words = (depth + 3) / 4
        let shift = scratch
        let key = shift + panelDepth
        let row = UnsafeMutableRawPointer(key + panelDepth).assumingMemoryBound(to: Int32.self)
        // The mean's opposite, to be added.
        for channel in 0..<depth { shift[channel] = 0 }
        for column in 0..<columns { addRow(source.pointer + column * source.stride, to: shift, depth) }
        let divisor = splat(-Float(columns))
        map(shift, shift, depth) { $0 / divisor }

        let paddedColumns = (columns + tileColumns - 1) / tileColumns * tileColumns
        let sums = KeySums(after: panels, keys: columns, size: depth)
        let ones = Bits(repeating: 0x0101_0101)
        var column = 0
        while column < paddedColumns {
            let panel = panels.assumingMemoryBound(to: Int32.self) + column * (panelDepth / 4)
            for lane in 0..<tileColumns {
                guard column + lane < columns else {
                    sums.set(key: column + lane, scale: 0)
                    for word in 0..<words { panel[word &* tileColumns &+ lane] = 0 }
                    continue
                }
                map(source.pointer + (column + lane) * source.stride, key, depth) { $0 }
                addRow(shift, to: key, depth)
                let scale = byteScale(key, depth)
                sums.set(key: column + lane, scale: scale)
                roundRow(key, 1 / scale, zero: 0, depth, .bytes, into: row)
                for word in 0..<words { panel[word &* tileColumns &+ lane] = row[word] }
            }
            var (t0, t1) = (Bits(repeating: 0), Bits(repeating: 0))
            for word in 0..<words {
                t0 = Word.bytes.dot(t0, ones, load(panel + word * tileColumns))
                t1 = Word.bytes.dot(t1, ones, load(panel + (word * tileColumns + lanes)))
            }
            sums.set(key: column, totals: (t0, t1))
            column += tileColumns
        }
    }

    /// `byteStep` of a row; NaN when it holds one, or ∞.
    @inline(__always) func byteScale(_ row: UnsafePointer<Float>, _ count: Int) -> Float {
        var (top, poison) = (splat(0), splat(0))
        var index = 0
        while index < count {
            let x = index + lanes <= count ? load(row + index) : load(row + index, first: count - index)
            top = larger(vector(bits(x) & Bits(repeating: 0x7FFF_FFFF)), top)
            poison = multiplyAdd(x, splat(0), poison)
            index += lanes
        }
        return byteStep(largest(top) + sum(poison))
    }
#endif
