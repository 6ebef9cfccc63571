import CPUShim
import SIMDKernelTable

@inline(never) func attention(_ task: borrowing AttentionTask) { attentionLoops(task, .floats) }

#if KERNELS_V4
    /// The same over bfloat16 by AVX512_BF16.
    @inline(never) func dotAttention(_ task: borrowing AttentionTask) { attentionLoops(task, .brains) }
#endif

#if KERNELS_V3 || KERNELS_V4
    /// The same over bfloat16 by AMX tiles.
    @inline(never) func tileAttention(_ task: borrowing AttentionTask) {
        xlsr_tiles_begin()
        attentionLoops(task, .tiles)
        xlsr_tiles_end()
    }
#endif

/// `softmax(Q·Kᵀ · scale) · V` for some queries of one head, a block of keys at a time with running maximum and sum
/// (Milakov and Gimelshein 2018; Dao et al. 2022), so that only a block of scores is ever in memory. Scores, maxima and
/// sums are float32 whatever the factors are.
@inline(__always) func attentionLoops(_ task: borrowing AttentionTask, _ unit: AttentionUnit) {
    let size = task.query.columns
    let padded = (size + 31) / 32 * 32
    let queryStride = padded + 16
    let scoreStride = AttentionTask.keyBlock + 16
    let most = AttentionTask.queryBlock
    let queries = task.scratch
    let sums = queries + most * queryStride
    let scores = sums + most * padded
    let maxima = scores + most * scoreStride
    let totals = maxima + most
    let edge = totals + most
    // Rounded queries and weights, where the unit takes such.
    let rounded = edge + AttentionTask.edgeCount
    let queryFactors = unit.isNarrow ? rounded : queries
    let weightFactors = unit.isNarrow ? rounded + most * queryStride / 2 : scores
    let panelSize = unit.panelDepth(size)
    let panelKeys = unit.panelDepth(task.keys)

    let block = most / unit.rows * unit.rows
    var first = 0
    while first < task.query.rows {
        let rows = min(block, task.query.rows - first)
        let tiledRows = (rows + unit.rows - 1) / unit.rows * unit.rows
        scaleQueries(task, first, rows, tiledRows, queries, queryStride)
        unit.round(queries, queryStride, tiledRows, size, into: queryFactors)
        for row in 0..<tiledRows {
            maxima[row] = -.infinity
            totals[row] = 0
        }
        var key = 0
        while key < task.keys {
            let keys = min(AttentionTask.keyBlock, task.keys - key)
            // scores [rows, keys] = Q · Kᵀ, as whole panels
            unit.multiply(
                queryFactors, queryStride, tiledRows, task.keyPanels + key * panelSize * unit.byteSize, panelSize, size,
                scores, scoreStride, (keys + tileColumns - 1) / tileColumns * tileColumns, accumulates: false, edge)
            for row in 0..<tiledRows {
                let decay = weighScores(scores + row * scoreStride, keys, maxima + row, totals + row)
                if key > 0, decay != 1 {
                    let factor = splat(decay)
                    map(sums + row * padded, sums + row * padded, size) { $0 * factor }
                }
            }
            unit.round(scores, scoreStride, tiledRows, keys, into: weightFactors)
            // sums [rows, size] += weights · V
            unit.multiply(
                weightFactors, scoreStride, tiledRows, task.valuePanels + key * tileColumns * unit.byteSize, panelKeys,
                keys, sums, padded, (size + tileColumns - 1) / tileColumns * tileColumns, accumulates: key > 0, edge)
            key += keys
        }
        for row in 0..<rows {
            let factor = splat(1 / totals[row])
            map(sums + row * padded, task.result + (first + row) * task.resultStride, size) { $0 * factor }
        }
        first += rows
    }
}

/// Copies queries times the scale; the rows that fill the last tile repeat the last query.
@inline(__always) func scaleQueries(
    _ task: borrowing AttentionTask, _ first: Int, _ rows: Int, _ tiledRows: Int,
    _ queries: UnsafeMutablePointer<Float>, _ stride: Int
) {
    let scale = splat(task.scale)
    for row in 0..<tiledRows {
        let source = task.query.pointer + (first + (row < rows ? row : rows - 1)) * task.query.stride
        map(source, queries + row * stride, task.query.columns) { $0 * scale }
    }
}

/// Turns a row of scores into `exp(score - maximum)` and updates the running maximum and sum.
/// - Returns: by what the sums so far must be multiplied.
@inline(__always) func weighScores(
    _ scores: UnsafeMutablePointer<Float>, _ count: Int, _ maximum: UnsafeMutablePointer<Float>,
    _ total: UnsafeMutablePointer<Float>
) -> Float {
    let top = largestOf(scores, count)
    let next = maximum[0] > top ? maximum[0] : top
    let shift = splat(next)
    // `exponentialCore` clamps at e⁻⁸⁷, which vanishes beside the largest weight, 1.
    let sum = weigh(scores, count, shift)
    let decay = maximum[0] == next ? 1 : exponential(splat(maximum[0] - next))[0]
    total[0] = total[0] * decay + sum
    maximum[0] = next
    return decay
}

@inline(__always) func weigh(_ scores: UnsafeMutablePointer<Float>, _ count: Int, _ shift: Vector) -> Float {
    var (s0, s1) = (splat(0), splat(0))
    var index = 0
    while index + 2 * lanes <= count {
        let e0 = exponentialCore(load(scores + index) - shift)
        let e1 = exponentialCore(load(scores + (index + lanes)) - shift)
        store(e0, scores + index)
        store(e1, scores + (index + lanes))
        s0 += e0
        s1 += e1
        index += 2 * lanes
    }
    var total = sum(s0 + s1)
    while index < count {
        let rest = min(lanes, count - index)
        let e = exponentialCore(load(scores + index, first: rest, fill: -.infinity) - shift)
        store(e, scores + index, first: rest)
        for lane in 0..<rest { total += e[lane] }
        index += lanes
    }
    return total
}
