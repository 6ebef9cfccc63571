import SIMDKernelTable

// Keys and values of attention as integers, and what queries and weights have as their steps.

/// Behind panels of integers: what sums of each column's products begin with, and are to be multiplied with. From some
/// column on.
struct PanelSums {
    private let steps: UnsafeMutablePointer<Float>
    private let starts: UnsafeMutablePointer<Int32>

    /// What is added to a query's bytes, to be unsigned; the sums begin with what takes it off.
    @inline(__always) static var byteZero: Int32 { 128 }

    /// - Parameter byteCount: of a column's numbers.
    @inline(__always) init(after panels: UnsafeRawPointer, columns: Int, byteCount: Int) {
        let columns = (columns + tileColumns - 1) / tileColumns * tileColumns
        let end = UnsafeMutableRawPointer(mutating: panels) + columns * byteCount
        steps = end.assumingMemoryBound(to: Float.self)
        starts = (end + 4 * columns).assumingMemoryBound(to: Int32.self)
    }

    @inline(__always) private init(_ sums: PanelSums, from column: Int) {
        (steps, starts) = (sums.steps + column, sums.starts + column)
    }

    @inline(__always) func from(column: Int) -> PanelSums { PanelSums(self, from: column) }

    /// Of the two vectors of a panel, the first column being its first.
    @inline(__always) var panelSteps: (Vector, Vector) { (load(steps), load(steps + lanes)) }
    @inline(__always) var panelStarts: (Bits, Bits) { (load(starts), load(starts + lanes)) }

    @inline(__always) func set(column: Int, step: Float) { steps[column] = step }
    @inline(__always) func set(column: Int, steps values: Vector) { store(values, steps + column) }

    /// - Parameter totals: what the bytes of each of a panel's columns add up to.
    @inline(__always) func set(column: Int, totals: (Bits, Bits)) {
        let zero = Bits(repeating: -Self.byteZero)
        store(totals.0 &* zero, starts + column)
        store(totals.1 &* zero, starts + (column + lanes))
    }
}

/// Integers as numbers, times their steps.
@inline(__always) func scaled(_ integers: Bits, _ steps: Vector) -> Vector { floats(integers) * steps }

#if KERNELS_V3 || KERNELS_V4
    /// The largest magnitude of a row; NaN when it holds one, or ∞.
    @inline(__always) private func largestMagnitude(_ row: UnsafePointer<Float>, _ count: Int) -> Float {
        var (top, poison) = (splat(0), splat(0))
        var index = 0
        while index < count {
            let x = index + lanes <= count ? load(row + index) : load(row + index, first: count - index)
            top = larger(vector(magnitude(x)), top)
            poison = multiplyAdd(x, splat(0), poison)
            index += lanes
        }
        return largest(top) + sum(poison)
    }

    /// The step of a row of queries, or of a key: of integers of 16 bits as large as lets the products of two rows add
    /// up within 32 bits. As long as one whose numbers were all the largest, no row needs its length.
    @inline(__always) func integerStep(_ row: UnsafePointer<Float>, _ count: Int, _ word: Word) -> Float {
        let largest = largestMagnitude(row, count)
        guard word.hasShortWeights else { return byteStep(largest) }
        // One number is counted as two, to stay within 16 bits.
        let length = Float(count < 2 ? 2 : count).squareRoot() * largest
        return atLeastNormal(length / mostShortLength)
    }

    /// The step of weights from 0 to 1 as integers of 16 bits. As none is larger than their total, nor than 1, the sum
    /// of their squares isn't larger than either.
    @inline(__always) func weightStep(_ total: Float) -> Float {
        guard total > 1 else { return atLeastNormal(total / 32_767) }
        let (byLength, byLargest) = (total.squareRoot() / mostShortLength, Float(1) / 32_767)
        return byLength > byLargest ? byLength : byLargest
    }

    /// Keys less their mean, `[columns, depth]`, into panels of integers, zeros beyond the last column, and what
    /// belongs to their sums. What all keys have in common moves the scores of a query alike, which softmax doesn't
    /// see, but takes up steps (Zhang et al. 2024, SageAttention).
    /// - Parameter scratch: room for two rows.
    @inline(__always) private func packKeys(
        _ source: Matrix, _ panels: UnsafeMutableRawPointer, _ scratch: UnsafeMutablePointer<Float>, _ word: Word,
        _ factor: PanelType
    ) {
        let (columns, depth) = (source.rows, source.columns)
        let panelDepth = factor.panelDepth(depth)
        let words = word.words(depth)
        let shift = scratch
        let key = shift + panelDepth
        let row = UnsafeMutableRawPointer(key + panelDepth).assumingMemoryBound(to: Int32.self)
        // The mean's opposite, to be added.
        for channel in 0..<depth { shift[channel] = 0 }
        for column in 0..<columns { addRow(source.pointer + column * source.stride, to: shift, depth) }
        let divisor = splat(-Float(columns))
        map(shift, shift, depth) { $0 / divisor }

        let paddedColumns = (columns + tileColumns - 1) / tileColumns * tileColumns
        let sums = PanelSums(after: panels, columns: columns, byteCount: panelDepth * factor.byteSize)
        let ones: Int32 = 0x0101_0101
        var column = 0
        while column < paddedColumns {
            let panel = panels.assumingMemoryBound(to: Int32.self) + column * (panelDepth / word.count)
            for lane in 0..<tileColumns {
                guard column + lane < columns else {
                    sums.set(column: column + lane, step: 0)
                    for word in 0..<words { panel[word &* tileColumns &+ lane] = 0 }
                    continue
                }
                map(source.pointer + (column + lane) * source.stride, key, depth) { $0 }
                addRow(shift, to: key, depth)
                let step = integerStep(key, depth, word)
                sums.set(column: column + lane, step: step)
                roundRow(key, 1 / step, zero: 0, depth, word, into: row)
                for word in 0..<words { panel[word &* tileColumns &+ lane] = row[word] }
            }
            if word.hasZero {
                var (t0, t1) = (Bits(repeating: 0), Bits(repeating: 0))
                for index in 0..<words {
                    t0 = word.dot(t0, ones, load(panel + index * tileColumns))
                    t1 = word.dot(t1, ones, load(panel + (index * tileColumns + lanes)))
                }
                sums.set(column: column, totals: (t0, t1))
            }
            column += tileColumns
        }
    }

    /// By VNNI.
    @inline(never) func packByteKeys(
        _ source: Matrix, _ panels: UnsafeMutableRawPointer, _ scratch: UnsafeMutablePointer<Float>
    ) { packKeys(source, panels, scratch, .bytes, .int8) }

    @inline(never) func packShortKeys(
        _ source: Matrix, _ panels: UnsafeMutableRawPointer, _ scratch: UnsafeMutablePointer<Float>
    ) { packKeys(source, panels, scratch, .shortPairs, .int16) }

    /// Values `[depth, columns]` into panels of integers of 16 bits, and their columns' steps.
    @inline(never) func packShortValues(
        _ source: Matrix, _ panels: UnsafeMutableRawPointer, _ scratch: UnsafeMutablePointer<Float>
    ) {
        let (depth, columns) = (source.rows, source.columns)
        let words = PanelType.int16.panelDepth(depth) / 2
        let sums = PanelSums(after: panels, columns: columns, byteCount: 4 * words)
        var column = 0
        while column < columns {
            for half in 0..<2 {
                let first = column + half * lanes
                let scale = shortScales(depth) { values(source, $0, first) }
                sums.set(column: first, steps: splat(1) / scale)
                var target = panels.assumingMemoryBound(to: Int32.self) + (column * words + half * lanes)
                for word in 0..<words {
                    store(
                        shortPair(values(source, 2 * word, first), values(source, 2 * word + 1, first), scale), target)
                    target += tileColumns
                }
            }
            column += tileColumns
        }
    }

    /// A vector of a row from a column on, zeros beyond the matrix.
    @inline(__always) func values(_ source: Matrix, _ row: Int, _ column: Int) -> Vector {
        guard row < source.rows, column < source.columns else { return splat(0) }
        let pointer = source.pointer + (row * source.stride + column)
        let inside = source.columns - column
        return inside >= lanes ? load(pointer) : load(pointer, first: inside)
    }
#endif
