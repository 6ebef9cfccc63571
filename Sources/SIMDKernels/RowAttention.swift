import SIMDKernelTable

/// `softmax(q·Kᵀ · scale) · V` for some queries of one head, each over the rows that its list names.
@inline(never) func rowAttention(_ task: borrowing RowAttentionTask) {
    var first = 0
    while first < task.query.rows {
        let end = min(first + RowAttentionTask.queryCount, task.query.rows)
        attendRows(task, first..<end)
        first = end
    }
}

extension RowAttentionTask {
    @inline(__always) fileprivate func list(_ query: Int) -> UnsafePointer<Int32> { rows + Int(starts[query]) }
    @inline(__always) fileprivate func count(_ query: Int) -> Int { Int(starts[query + 1] - starts[query]) }
    /// - Parameter index: among the queries that are attended for together.
    @inline(__always) fileprivate func scores(_ index: Int) -> UnsafeMutablePointer<Float> {
        scratch + index * scoreStride
    }
}

/// Some queries, a stretch of all their lists at a time: what stands at one place of several lists mostly is the same
/// row, while rows lie so far apart that few of them are in the first-level cache together.
@inline(__always) func attendRows(_ task: borrowing RowAttentionTask, _ queries: Range<Int>) {
    let stretch = 8
    let size = task.query.columns
    var longest = 0
    for query in queries { longest = max(longest, task.count(query)) }
    var place = 0
    while place < longest {
        for query in queries {
            let rows = task.list(query)
            let scores = task.scores(query - queries.lowerBound)
            let q = task.query.pointer + query * task.query.stride
            for index in place..<max(place, min(place + stretch, task.count(query))) {
                scores[index] = task.scale * dotProduct(q, task.keys + Int(rows[index]) * task.stride, size)
            }
        }
        place += stretch
    }
    for query in queries {
        let scores = task.scores(query - queries.lowerBound)
        let count = task.count(query)
        // Whole vectors, with scores that weigh nothing.
        let padded = (count + lanes - 1) / lanes * lanes
        for index in count..<padded { scores[index] = -.infinity }
        let top = splat(largestOf(scores, padded))
        map(scores, scores, padded) { exponentialBelowZero($0 - top) }
        let factor = splat(1 / sumOf(scores, padded) { $0 })
        map(scores, scores, padded) { $0 * factor }
        let y = task.result + query * task.resultStride
        for channel in 0..<size { y[channel] = 0 }
    }
    place = 0
    while place < longest {
        for query in queries {
            let count = min(stretch, task.count(query) - place)
            guard count > 0 else { continue }
            weighRows(
                task, task.list(query) + place, task.scores(query - queries.lowerBound) + place, count,
                task.result + query * task.resultStride)
        }
        place += stretch
    }
}

/// `y += Σ weights[i] · values[rows[i]]`, four vectors of channels at a time in registers.
@inline(__always) func weighRows(
    _ task: borrowing RowAttentionTask, _ rows: UnsafePointer<Int32>, _ weights: UnsafePointer<Float>, _ count: Int,
    _ y: UnsafeMutablePointer<Float>
) {
    let size = task.query.columns
    var channel = 0
    while channel + 4 * lanes <= size {
        let target = y + channel
        var (s0, s1) = (load(target), load(target + lanes))
        var (s2, s3) = (load(target + 2 * lanes), load(target + 3 * lanes))
        for index in 0..<count {
            let value = task.values + (Int(rows[index]) * task.stride + channel)
            let weight = splat(weights[index])
            s0 = multiplyAdd(weight, load(value), s0)
            s1 = multiplyAdd(weight, load(value + lanes), s1)
            s2 = multiplyAdd(weight, load(value + 2 * lanes), s2)
            s3 = multiplyAdd(weight, load(value + 3 * lanes), s3)
        }
        store(s0, target)
        store(s1, target + lanes)
        store(s2, target + 2 * lanes)
        store(s3, target + 3 * lanes)
        channel += 4 * lanes
    }
    while channel < size {
        let rest = min(lanes, size - channel)
        @inline(__always) func part(_ row: UnsafePointer<Float>) -> Vector {
            rest == lanes ? load(row) : load(row, first: rest)
        }
        let target = y + channel
        var sum = part(target)
        for index in 0..<count {
            sum = multiplyAdd(
                splat(weights[index]), part(task.values + (Int(rows[index]) * task.stride + channel)), sum)
        }
        if rest == lanes { store(sum, target) } else { store(sum, target, first: rest) }
        channel += lanes
    }
}

@inline(__always) func dotProduct(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int) -> Float {
    var (s0, s1) = (splat(0), splat(0))
    var index = 0
    while index + 2 * lanes <= count {
        s0 = multiplyAdd(load(a + index), load(b + index), s0)
        s1 = multiplyAdd(load(a + (index + lanes)), load(b + (index + lanes)), s1)
        index += 2 * lanes
    }
    while index < count {
        let rest = min(lanes, count - index)
        s0 = multiplyAdd(load(a + index, first: rest), load(b + index, first: rest), s0)
        index += lanes
    }
    return sum(s0 + s1)
}
