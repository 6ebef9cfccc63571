import CPUShim
import SIMDKernelTable

@inline(never) func attention(_ task: borrowing AttentionTask) {
    attentionLoops(task, scores: .floats, values: .floats)
}

#if KERNELS_V3 || KERNELS_V4
    /// The same over integers of 16 bits.
    @inline(never) func shortAttention(_ task: borrowing AttentionTask) {
        attentionLoops(task, scores: .shortPairs, values: .shortPairs)
    }

    /// The same by VNNI.
    @inline(never) func shortDotAttention(_ task: borrowing AttentionTask) {
        attentionLoops(task, scores: .shorts, values: .shorts)
    }

    /// The same with scores of bytes.
    @inline(never) func byteShortAttention(_ task: borrowing AttentionTask) {
        attentionLoops(task, scores: .bytes, values: .shorts)
    }

    /// The same over bfloat16 by AMX tiles.
    @inline(never) func tileAttention(_ task: borrowing AttentionTask) {
        xlsr_tiles_begin()
        attentionLoops(task, scores: .tiles, values: .tiles)
        xlsr_tiles_end()
    }
#endif

#if KERNELS_V4
    /// The same over bfloat16 by AVX512_BF16.
    @inline(never) func dotAttention(_ task: borrowing AttentionTask) {
        attentionLoops(task, scores: .brains, values: .brains)
    }

    /// The same with scores of bytes by VNNI.
    @inline(never) func byteDotAttention(_ task: borrowing AttentionTask) {
        attentionLoops(task, scores: .bytes, values: .brains)
    }
#endif

/// `softmax(Q·Kᵀ · scale) · V` for some queries of one head, a block of keys at a time with running maximum and sum
/// (Milakov and Gimelshein 2018; Dao et al. 2022), so that only a block of scores is ever in memory. Scores, maxima and
/// sums are float32 whatever the factors are.
/// - Parameters:
///   - scores: what multiplies queries and keys.
///   - values: what multiplies weights and values; with as many rows.
@inline(__always) func attentionLoops(
    _ task: borrowing AttentionTask, scores unit: AttentionUnit, values valueUnit: AttentionUnit
) {
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
    let decays = totals + most
    let factors = decays + most
    let blockTotals = factors + most
    let weightSteps = blockTotals + most
    let edge = weightSteps + most
    // Rounded queries and weights, where the unit takes such.
    let rounded = edge + AttentionTask.edgeCount
    let queryFactors = unit.isNarrow ? rounded : queries
    let weightFactors = valueUnit.isNarrow ? rounded + most * queryStride / 2 : scores
    let panelSize = unit.panelDepth(size)
    let panelKeys = valueUnit.panelDepth(task.keys)
    let keySums = PanelSums(after: task.keyPanels, columns: task.keys, byteCount: panelSize * unit.byteSize)
    let valueSums = PanelSums(after: task.valuePanels, columns: size, byteCount: panelKeys * valueUnit.byteSize)
    for row in 0..<most { factors[row] = 1 }

    // Tiles' scores stay in the first-level cache.
    let block = unit.rows == ProductTask.tileSpan ? unit.rows : most / unit.rows * unit.rows
    var first = 0
    while first < task.query.rows {
        let rows = min(block, task.query.rows - first)
        let tiledRows = (rows + unit.rows - 1) / unit.rows * unit.rows
        scaleQueries(task, first, rows, tiledRows, queries, queryStride)
        unit.round(queries, queryStride, tiledRows, size, into: queryFactors, steps: factors)
        for row in 0..<most {
            maxima[row] = -.infinity
            totals[row] = 0
            decays[row] = 0
        }
        var key = 0
        while key < task.keys {
            let keys = min(AttentionTask.keyBlock, task.keys - key)
            // scores [rows, keys] = Q · Kᵀ, as whole panels
            unit.multiply(
                queryFactors, queryStride, tiledRows, task.keyPanels + key * panelSize * unit.byteSize, panelSize, size,
                scores, scoreStride, (keys + tileColumns - 1) / tileColumns * tileColumns, accumulates: false, edge,
                keySums.from(column: key))
            updateMaxima(scores, scoreStride, tiledRows, keys, factors, maxima, totals, decays)
            valueUnit.weigh(
                scores, scoreStride, tiledRows, keys, factors, maxima, totals, blockTotals, into: weightFactors,
                steps: weightSteps)
            if key > 0 {
                for row in 0..<tiledRows {
                    let factor = splat(decays[row])
                    map(sums + row * padded, sums + row * padded, size) { $0 * factor }
                }
            }
            // sums [rows, size] += weights · V
            valueUnit.multiply(
                weightFactors, scoreStride, tiledRows, task.valuePanels + key * tileColumns * valueUnit.byteSize,
                panelKeys, keys, sums, padded, (size + tileColumns - 1) / tileColumns * tileColumns,
                accumulates: key > 0, edge, valueSums, rowSteps: weightSteps)
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

/// Brings each row's running maximum of scores `[rows, keys]`, each row's times its factor, up to date, and the sum of
/// its weights so far; the decays become what its sums so far must be multiplied by.
///
/// A step at a time for all rows: while one row's number is on its way through the lanes, the next rows are at work.
@inline(never) func updateMaxima(
    _ scores: UnsafeMutablePointer<Float>, _ stride: Int, _ rows: Int, _ keys: Int, _ factors: UnsafePointer<Float>,
    _ maxima: UnsafeMutablePointer<Float>, _ totals: UnsafeMutablePointer<Float>, _ decays: UnsafeMutablePointer<Float>
) {
    // Whole vectors, with scores that weigh nothing.
    if keys % lanes != 0 {
        for row in 0..<rows { store(splat(-.greatestFiniteMagnitude), scores + (row * stride + keys)) }
    }
    let tops = decays
    for row in 0..<rows { tops[row] = largestScore(scores + row * stride, keys) }
    var row = 0
    while row < rows {
        let (before, top) = (load(maxima + row), load(tops + row) * load(factors + row))
        let maximum = larger(before, top)
        let decay = exponentialBelowZero(before - maximum)
        store(maximum, maxima + row)
        store(load(totals + row) * decay, totals + row)
        store(decay, decays + row)
        row += lanes
    }
}

/// Turns scores into weights `exp(score - maximum)`, and adds each row's up to the block's total and to the total.
@inline(never) func weighRows(
    _ scores: UnsafeMutablePointer<Float>, _ stride: Int, _ rows: Int, _ keys: Int, _ factors: UnsafePointer<Float>,
    _ maxima: UnsafePointer<Float>, _ totals: UnsafeMutablePointer<Float>, _ blockTotals: UnsafeMutablePointer<Float>
) {
    for row in 0..<rows {
        let scores = scores + row * stride
        blockTotals[row] = weigh(scores, keys, splat(factors[row]), splat(-maxima[row])) { weight, index in
            store(weight, scores + index)
        }
        totals[row] += blockTotals[row]
    }
}

#if KERNELS_V3 || KERNELS_V4
    /// The same with weights rounded to tiles of bfloat16.
    @inline(never) func weighTileRows(
        _ scores: UnsafePointer<Float>, _ stride: Int, _ rows: Int, _ keys: Int, _ factors: UnsafePointer<Float>,
        _ maxima: UnsafePointer<Float>, _ totals: UnsafeMutablePointer<Float>,
        _ blockTotals: UnsafeMutablePointer<Float>, into weights: UnsafeMutablePointer<Float>
    ) {
        let depth = TileFactor.brains.tiledDepth(keys)
        for row in 0..<rows {
            let target = UnsafeMutableRawPointer(weights) + TileFactor.brains.offset(ofRow: row, depth)
            @inline(__always) func put(_ weight: Vector, _ index: Int) {
                storeTileBrain(weight, target + (index / 32 * 1024 + index % 32 * 2))
            }
            blockTotals[row] = weigh(scores + row * stride, keys, splat(factors[row]), splat(-maxima[row]), put)
            totals[row] += blockTotals[row]
            var index = (keys + lanes - 1) / lanes * lanes
            while index < depth {
                put(splat(0), index)
                index += lanes
            }
        }
    }
#endif

/// The largest of whole vectors; NaN where one is there, or ∞.
@inline(__always) func largestScore(_ scores: UnsafePointer<Float>, _ count: Int) -> Float {
    var (t0, t1) = (splat(-.infinity), splat(-.infinity))
    var (p0, p1) = (splat(0), splat(0))
    var index = 0
    while index < count {
        let score = load(scores + index)
        (t0, t1) = (t1, larger(score, t0))
        // Zero, or NaN.
        (p0, p1) = (p1, multiplyAdd(score, splat(0), p0))
        index += lanes
    }
    return largest(larger(t0, t1)) + sum(p0 + p1)
}

/// Hands on whole vectors of weights `exp(score · factor + shift)`.
/// - Returns: their sum.
@inline(__always) func weigh(
    _ scores: UnsafePointer<Float>, _ count: Int, _ factor: Vector, _ shift: Vector,
    _ put: (_ weight: Vector, _ index: Int) -> Void
) -> Float {
    var (s0, s1) = (splat(0), splat(0))
    var index = 0
    while index < count {
        // `exponentialCore` clamps at e⁻⁸⁷, which vanishes beside the largest weight, 1. The shift was rounded and the
        // sum isn't, so that a large score may come out above it; but more than 1 is more than 16 bits hold.
        let weight = exponentialCore(smaller(multiplyAdd(load(scores + index), factor, shift), splat(0)))
        put(weight, index)
        (s0, s1) = (s1, s0 + weight)
        index += lanes
    }
    return sum(s0 + s1)
}
