#if KERNELS_V3 || KERNELS_V4
    import CPUShim
    import SIMDKernelTable

    /// 32 × 32 sums of products over `steps` of depth.
    /// - Parameters:
    ///   - rows: tiles of the first sixteen rows; those of the others follow `rowBytes` later.
    ///   - first: tiles of the first sixteen columns, rows of which are `columnStride` bytes apart; `second`: those of
    ///     the others.
    ///   - stride: floats from one row of the sums to the next.
    ///   - continues: whether products are added to the sums that are there.
    ///   - next: where to ask for so many lines a step, and where to go on doing so.
    @inline(__always) func sumTiles(
        _ factor: TileFactor, _ rows: UnsafeRawPointer, _ rowBytes: Int, _ first: UnsafeRawPointer,
        _ second: UnsafeRawPointer, _ columnStride: Int, _ steps: Int, into sums: UnsafeMutablePointer<Float>,
        stride: Int, continues: Bool, prefetching next: inout UnsafeRawPointer, linesPerStep: Int
    ) {
        var (upper, lower) = (rows, rows + rowBytes)
        var (first, second) = (first, second)
        if continues { xlsr_tiles_load_sums(sums, 4 * stride) } else { xlsr_tiles_clear_sums() }
        for _ in 0..<steps {
            switch factor {
            case .bytes:
                xlsr_tiles_load_right(first, second, columnStride)
                xlsr_tiles_load_left(upper, lower)
                xlsr_tiles_multiply_bytes()
            case .brains:
                xlsr_tiles_load_right(first, second, columnStride)
                xlsr_tiles_load_left(upper, lower)
                xlsr_tiles_multiply_brain()
            case .floats: multiplyParts(upper, lower, first, second, columnStride)
            }
            for line in 0..<linesPerStep { xlsr_prefetch_second(next + 64 &* line) }
            next += 64 &* linesPerStep
            upper += 1024 * factor.parts
            lower += 1024 * factor.parts
            first += 16 * columnStride * factor.parts
            second += 16 * columnStride * factor.parts
        }
        xlsr_tiles_store_sums(sums, 4 * stride)
    }

    /// A step of float32: the six products of parts that are not below its last bit, small ones first as far as one new
    /// load a product allows.
    @inline(__always) private func multiplyParts(
        _ upper: UnsafeRawPointer, _ lower: UnsafeRawPointer, _ first: UnsafeRawPointer, _ second: UnsafeRawPointer,
        _ columnStride: Int
    ) {
        @inline(__always) func loadLeft(_ part: Int) {
            xlsr_tiles_load_left(upper + 1024 &* part, lower + 1024 &* part)
        }
        @inline(__always) func loadRight(_ part: Int) {
            xlsr_tiles_load_right(
                first + 16 &* columnStride &* part, second + 16 &* columnStride &* part, columnStride)
        }
        let (high, middle, low) = (0, 1, 2)
        loadLeft(high)
        loadRight(low)
        xlsr_tiles_multiply_brain()
        loadRight(middle)
        xlsr_tiles_multiply_brain()
        loadLeft(middle)
        xlsr_tiles_multiply_brain()
        loadRight(high)
        xlsr_tiles_multiply_brain()
        loadLeft(low)
        xlsr_tiles_multiply_brain()
        loadLeft(high)
        xlsr_tiles_multiply_brain()
    }

    /// Takes 32 × 32 sums to C, and where they are complete does what is fused to the product, but for a norm and what
    /// follows it.
    /// - Parameters:
    ///   - sums: `[32][32]`; changed.
    ///   - row: of the task, as `column` is; `rows` of them.
    ///   - toFloats: of these rows of integers, as `zeros`.
    ///   - begins: whether C holds nothing yet.
    ///   - isLast: whether the sums are C's last ones.
    @inline(__always) func takeSums(
        _ sums: UnsafeMutablePointer<Float>, _ task: borrowing ProductTask, _ factor: TileFactor, _ row: Int,
        _ rows: Int, _ column: Int, _ toFloats: UnsafePointer<Float>, _ zeros: UnsafePointer<Float>, begins: Bool,
        isLast: Bool
    ) {
        let span = ProductTask.tileSpan
        let offset = row * task.cStride + column
        let c = task.c + offset
        let finishes = isLast && task.gain == nil
        let residual = finishes ? task.residual.map { $0 + offset } : nil
        let hasFunction = finishes && task.activation != .identity
        guard column + span <= task.n else {
            takeEdge(
                sums, task, factor, row, rows, column, toFloats, zeros, begins: begins, isLast: isLast)
            return
        }
        /// For each row's vectors, with where they lie in C.
        @inline(__always) func forEach(_ body: (_ place: Int, _ row: Int, _ value: Vector, _ target: Int) -> Void) {
            for row in 0..<rows {
                for part in 0..<span / lanes {
                    let place = part &* lanes
                    body(place, row, load(sums + (row &* span &+ place)), row &* task.cStride &+ place)
                }
            }
        }
        let bias = isLast ? task.bias.map { $0 + column } : nil
        @inline(__always) func complete(_ place: Int, _ row: Int, _ sum: Vector, _ target: Int) -> Vector {
            var value = sum
            if factor == .bytes {
                // The zero counts once, over the whole depth.
                let scales = ColumnScales(task, column + place / tileColumns * tileColumns)
                value = scales.scaled(
                    floats(bits(sum)), place / lanes & 1, scale: toFloats[row], zero: begins ? zeros[row] : 0)
            }
            if !begins { value += load(c + target) }
            if let bias { value += load(bias + place) }
            return value
        }
        let brains = task.brainResult.map { $0 + offset }
        @inline(__always) func put(_ value: Vector, _ target: Int) {
            var value = value
            if let residual { value += load(residual + target) }
            if factor == .brains, let brains {
                storeTileBrain(value, brains + target)
            } else {
                store(value, c + target)
            }
        }
        if hasFunction {
            forEach { place, row, sum, target in
                store(complete(place, row, sum, target), sums + (row &* span &+ place))
            }
            applyFunction(task.activation, sums, sums, rows * span)
            forEach { _, _, value, target in put(value, target) }
        } else {
            forEach { place, row, sum, target in put(complete(place, row, sum, target), target) }
        }
    }

    /// The same of a strip of fewer columns, number by number.
    @inline(never) private func takeEdge(
        _ sums: UnsafeMutablePointer<Float>, _ task: borrowing ProductTask, _ factor: TileFactor, _ row: Int,
        _ rows: Int, _ column: Int, _ toFloats: UnsafePointer<Float>, _ zeros: UnsafePointer<Float>, begins: Bool,
        isLast: Bool
    ) {
        let columns = task.n - column
        for index in 0..<rows {
            let values = sums + index * ProductTask.tileSpan
            let offset = (row + index) * task.cStride + column
            for place in 0..<columns {
                if factor == .bytes, let scales = task.scales, let totals = task.totals {
                    let sum = Float(Int32(bitPattern: values[place].bitPattern))
                    let zero = begins ? zeros[index] : 0
                    values[place] =
                        (sum - zero * totals[column + place]) * (toFloats[index] * scales[column + place])
                }
                if !begins { values[place] += task.c[offset + place] }
                if isLast, let bias = task.bias { values[place] += bias[column + place] }
            }
            let finishes = isLast && task.gain == nil
            if finishes { applyFunction(task.activation, values, values, columns) }
            for place in 0..<columns {
                if finishes, let residual = task.residual { values[place] += residual[offset + place] }
            }
            if let brains = task.brainResult {
                floatToBrain(values, brains + offset, columns)
            } else {
                for place in 0..<columns { task.c[offset + place] = values[place] }
            }
        }
    }
#endif
