import SIMDKernelTable

/// `softmax(Q·Kᵀ · scale) · V` for some queries of one head, a block of keys at a time with running maximum and sum
/// (Milakov and Gimelshein 2018; Dao et al. 2022), so that only a block of scores is ever in memory.
@inline(never) func attention(_ task: borrowing AttentionTask) {
    let size = task.query.columns
    let padded = (size + tileColumns - 1) / tileColumns * tileColumns
    let queryStride = padded + 16
    let scoreStride = AttentionTask.keyBlock + 16
    let queries = task.scratch
    let sums = queries + AttentionTask.queryBlock * queryStride
    let scores = sums + AttentionTask.queryBlock * padded
    let maxima = scores + AttentionTask.queryBlock * scoreStride
    let totals = maxima + AttentionTask.queryBlock
    let edge = totals + AttentionTask.queryBlock

    var first = 0
    while first < task.query.rows {
        let rows = min(AttentionTask.queryBlock, task.query.rows - first)
        let tiledRows = (rows + tileRows - 1) / tileRows * tileRows
        scaleQueries(task, first, rows, tiledRows, queries, queryStride)
        for row in 0..<tiledRows {
            maxima[row] = -.infinity
            totals[row] = 0
        }
        var key = 0
        while key < task.keys {
            let keys = min(AttentionTask.keyBlock, task.keys - key)
            // scores [rows, keys] = Q · Kᵀ
            multiplyPanels(
                queries, queryStride, tiledRows, task.keyPanels + key * size, size, size, scores, scoreStride, keys,
                accumulates: false, edge)
            for row in 0..<tiledRows {
                let decay = weighScores(scores + row * scoreStride, keys, maxima + row, totals + row)
                if key > 0, decay != 1 {
                    let factor = splat(decay)
                    map(sums + row * padded, sums + row * padded, padded) { $0 * factor }
                }
            }
            // sums [rows, size] += scores · V
            multiplyPanels(
                scores, scoreStride, tiledRows, task.valuePanels + key * tileColumns, task.keys, keys, sums, padded,
                padded, accumulates: key > 0, edge)
            key += keys
        }
        for row in 0..<rows {
            let factor = splat(1 / totals[row])
            map(sums + row * padded, task.result + (first + row) * task.resultStride, size) { $0 * factor }
        }
        first += rows
    }
}

/// `C = A · panels` for whole tiles of rows; a panel is `panelDepth` deep, of which `depth` are used.
@inline(__always) func multiplyPanels(
    _ a: UnsafePointer<Float>, _ aStride: Int, _ rows: Int, _ panels: UnsafePointer<Float>, _ panelDepth: Int,
    _ depth: Int, _ c: UnsafeMutablePointer<Float>, _ cStride: Int, _ columns: Int, accumulates: Bool,
    _ edge: UnsafeMutablePointer<Float>
) {
    var column = 0
    while column < columns {
        var row = 0
        while row < rows {
            tile(
                a + row * aStride, aStride, panels + column * panelDepth, depth, c + (row * cStride + column), cStride,
                tileRows, min(tileColumns, columns - column), accumulates: accumulates, bias: nil,
                edge: edge)
            row += tileRows
        }
        column += tileColumns
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
