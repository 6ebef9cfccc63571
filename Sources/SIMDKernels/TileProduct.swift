#if KERNELS_V3 || KERNELS_V4
    import CPUShim
    import SIMDKernelTable

    // Products by AMX tiles. One instruction multiplies a tile of 16 rows and 64 bytes of depth with one of 16 columns
    // in 16 cycles; 2 × 2 of them share two loads a side, so that each load serves two products, and four sums hide the
    // latency of one. What surrounds them is ordinary vector code.

    /// `product` for bfloat16, int8 and float32 weights.
    @inline(never) func tileProduct(_ task: borrowing ProductTask) {
        switch task.panelType {
        case .int8: byteTileProduct(task)
        case .float32: floatTileProduct(task)
        default: brainTileProduct(task)
        }
    }

    // A function each, so that no branch between the types stays in the loops.
    @inline(never) func byteTileProduct(_ task: borrowing ProductTask) { tileLoops(task, .bytes) }
    @inline(never) func brainTileProduct(_ task: borrowing ProductTask) { tileLoops(task, .brains) }
    @inline(never) func floatTileProduct(_ task: borrowing ProductTask) { tileLoops(task, .floats) }

    /// Rounds the task's rows to its `roundedRows`.
    @inline(never) func roundTileRows(_ task: borrowing ProductTask) {
        switch task.panelType {
        case .int8: roundRowsToBytes(task)
        case .float32: roundRowsToFloats(task)
        default: roundRowsToBrains(task)
        }
    }

    @inline(never) private func roundRowsToBytes(_ task: borrowing ProductTask) { roundRows(task, .bytes) }
    @inline(never) private func roundRowsToBrains(_ task: borrowing ProductTask) { roundRows(task, .brains) }
    @inline(never) private func roundRowsToFloats(_ task: borrowing ProductTask) { roundRows(task, .floats) }

    // Transparent, or it stays one function for all types.
    @_transparent private func roundRows(_ task: borrowing ProductTask, _ factor: TileFactor) {
        guard var all = task.roundedRows else { return }
        let depth = factor.tiledDepth(task.a.columns)
        var row = 0
        while row < task.a.rows {
            let rows = min(ProductTask.tileSpan, task.a.rows - row)
            let (toIntegers, zeros) = (task.scratch, all.scales + (all.count + all.first))
            measureRows(task, factor, row, rows, toIntegers, all.scales + all.first, zeros)
            var first = 0
            while first < depth {
                let blockDepth = min(task.blockDepth, depth - first)
                roundBlock(
                    task, factor, row, rows, first, blockDepth, toIntegers, zeros,
                    into: all.block(first, blockDepth, factor))
                first += blockDepth
            }
            row += rows
            all.first += rows
        }
    }

    extension TileRows {
        /// Where the task's rows of a block of depth begin.
        @inline(__always) fileprivate func block(
            _ depth: Int, _ blockDepth: Int, _ factor: TileFactor
        ) -> UnsafeMutableRawPointer {
            memory + (count * depth * factor.byteSize + factor.offset(ofRow: first, blockDepth))
        }
    }

    /// The loops of `product`: a block of A, rounded, stays in the second-level cache, a part of a strip of panels in
    /// the first, and a strip's sums stay sums until they have met the whole block.
    @inline(__always) private func tileLoops(_ task: borrowing ProductTask, _ factor: TileFactor) {
        let (m, k, n) = (task.a.rows, task.a.columns, task.n)
        let span = ProductTask.tileSpan
        let depth = factor.tiledDepth(k)
        let block = UnsafeMutableRawPointer(task.scratch)
        let sums = task.scratch + task.blockRows * task.blockDepth * factor.byteSize / 4
        let split = sums + task.blockRows * span
        let toIntegers = split + span * task.partDepth * factor.byteSize / 4
        xlsr_tiles_begin()
        var row = 0
        while row < m {
            let rows = min(task.blockRows, m - row)
            var (toFloats, zeros) = (toIntegers + task.blockRows, toIntegers + 2 * task.blockRows)
            if let all = task.roundedRows {
                (toFloats, zeros) = (all.scales + (all.first + row), all.scales + (all.count + all.first + row))
            } else {
                measureRows(task, factor, row, rows, toIntegers, toFloats, zeros)
            }
            var first = 0
            repeat {
                let blockDepth = min(task.blockDepth, depth - first)
                let left: UnsafeRawPointer
                if let all = task.roundedRows {
                    left = UnsafeRawPointer(
                        all.block(first, blockDepth, factor) + factor.offset(ofRow: row, blockDepth))
                } else {
                    roundBlock(task, factor, row, rows, first, blockDepth, toIntegers, zeros, into: block)
                    left = UnsafeRawPointer(block)
                }
                var column = 0
                while column < n {
                    var part = 0
                    repeat {
                        let partDepth = min(task.partDepth, blockDepth - part)
                        let panels = PanelPart(
                            task, factor, column, first + part, partDepth, rows: rows, split: split)
                        var next = panels.next
                        var tileRow = 0
                        while tileRow < rows {
                            let tile = sums + tileRow * span
                            sumTiles(
                                factor,
                                left + (factor.offset(ofRow: tileRow, blockDepth) + factor.byteCount(part)),
                                factor.byteCount(blockDepth), panels.first, panels.second, panels.stride,
                                partDepth / factor.stepDepth, into: tile, stride: span, continues: part > 0,
                                prefetching: &next, linesPerStep: panels.linesPerStep)
                            if part + partDepth == blockDepth {
                                takeSums(
                                    tile, task, factor, row + tileRow, min(span, rows - tileRow), column,
                                    toFloats + tileRow, zeros + tileRow, begins: first == 0,
                                    isLast: first + blockDepth == depth)
                            }
                            tileRow += span
                        }
                        part += partDepth
                    } while part < blockDepth
                    column += span
                }
                first += blockDepth
            } while first < depth
            if task.gain != nil { finishRows(task, row: row, rows: rows) }
            row += rows
        }
        xlsr_tiles_end()
    }

    /// A part of a strip's panels, as tiles.
    private struct PanelPart {
        /// The first sixteen columns, and the others.
        let first: UnsafeRawPointer
        let second: UnsafeRawPointer
        /// Bytes from one row of a tile to the next.
        let stride: Int
        /// The same part of the next strip, which comes from memory meanwhile, and how much of it to ask for a step.
        let next: UnsafeRawPointer
        let linesPerStep: Int

        /// - Parameters:
        ///   - rows: that it is to be multiplied with.
        ///   - split: room for the parts of float32.
        @inline(__always) init(
            _ task: borrowing ProductTask, _ factor: TileFactor, _ column: Int, _ depth: Int, _ partDepth: Int,
            rows: Int, split: UnsafeMutablePointer<Float>
        ) {
            let span = ProductTask.tileSpan
            let byteSize = task.panelType.byteSize
            let panelBytes = task.panelType.panelDepth(task.a.columns) * byteSize
            let part = task.panels + depth * tileColumns * byteSize
            let halves = (tileColumn(part, column, panelBytes), tileColumn(part, column + span / 2, panelBytes))
            // Beyond the last panel, the same one again, for sums that nobody reads.
            let hasSecond = column + span / 2 < task.n
            next = tileColumn(part, column + span, panelBytes)
            let rowTiles = (rows + span - 1) / span
            // Lines of a strip's step, by all tiles of rows.
            linesPerStep = (factor.stepDepth * span * byteSize / 64 + rowTiles - 1) / rowTiles
            if factor == .floats {
                let last = hasSecond && tileColumns < span ? halves.1 : halves.0
                splitPanels(
                    halves.0.assumingMemoryBound(to: Float.self), last.assumingMemoryBound(to: Float.self),
                    task.a.columns - depth, partDepth,
                    into: UnsafeMutableRawPointer(split).assumingMemoryBound(to: Int32.self))
                first = UnsafeRawPointer(split)
                (second, stride) = (first + 64, 128)
            } else {
                (first, second, stride) = (halves.0, hasSecond ? halves.1 : halves.0, 4 * tileColumns)
            }
        }
    }

    /// Where sixteen columns of panels begin, each of which takes `panelBytes`.
    @inline(__always) func tileColumn(
        _ panels: UnsafeRawPointer, _ column: Int, _ panelBytes: Int
    ) -> UnsafeRawPointer {
        let panel = column / tileColumns * tileColumns
        return panels + (panel * panelBytes + (column - panel) * 4)
    }

    /// How rows become what tiles multiply.
    @inline(__always) private func measureRows(
        _ task: borrowing ProductTask, _ factor: TileFactor, _ row: Int, _ rows: Int,
        _ toIntegers: UnsafeMutablePointer<Float>, _ toFloats: UnsafeMutablePointer<Float>,
        _ zeros: UnsafeMutablePointer<Float>
    ) {
        guard factor == .bytes else { return }
        for index in 0..<rows {
            let scale = rowScale(task.a.pointer + (row + index) * task.a.stride, task.a.columns, steps: task.steps)
            (toIntegers[index], toFloats[index], zeros[index]) = (
                scale.toIntegers, scale.toFloats, Float(scale.zero)
            )
        }
    }

    /// Rounds a block of rows and depth, and beyond the last row up to whole tiles that row again.
    @inline(__always) private func roundBlock(
        _ task: borrowing ProductTask, _ factor: TileFactor, _ row: Int, _ rows: Int, _ depth: Int, _ blockDepth: Int,
        _ toIntegers: UnsafePointer<Float>, _ zeros: UnsafePointer<Float>, into block: UnsafeMutableRawPointer
    ) {
        let span = ProductTask.tileSpan
        for index in 0..<(rows + span - 1) / span * span {
            let inside = min(index, rows - 1)
            let isInteger = factor == .bytes
            let offset = (row + inside) * task.a.stride + depth
            let count = min(blockDepth, task.a.columns - depth)
            let target = block + factor.offset(ofRow: index, blockDepth)
            if factor == .brains, let brains = task.brainRows {
                factor.move(brains + offset, count, into: target, blockDepth)
                continue
            }
            factor.round(
                task.a.pointer + offset, count, scale: isInteger ? toIntegers[inside] : 1,
                zero: isInteger ? Int32(zeros[inside]) : 0, into: target, blockDepth)
        }
    }
#endif
