import SIMDKernelTable

/// `softmax(q·Kᵀ · scale) · V` for some queries of one head, each over the rows that its list names.
@inline(never) func rowAttention(_ task: borrowing RowAttentionTask) {
    for query in 0..<task.query.rows {
        let rows = task.rows + Int(task.starts[query])
        let count = Int(task.starts[query + 1] - task.starts[query])
        let q = task.query.pointer + query * task.query.stride
        for index in 0..<count {
            task.scratch[index] =
                task.scale * dotProduct(q, task.keys + Int(rows[index]) * task.stride, task.query.columns)
        }
        let top = splat(largestOf(task.scratch, count))
        map(task.scratch, task.scratch, count) { exponentialBelowZero($0 - top) }
        let factor = splat(1 / sumOf(task.scratch, count) { $0 })
        let y = task.result + query * task.resultStride
        weighRows(task, rows, count, y)
        map(y, y, task.query.columns) { $0 * factor }
    }
}

/// `y = Σ scratch[i] · values[rows[i]]`, four vectors of channels at a time in registers.
@inline(__always) func weighRows(
    _ task: borrowing RowAttentionTask, _ rows: UnsafePointer<Int32>, _ count: Int, _ y: UnsafeMutablePointer<Float>
) {
    let size = task.query.columns
    var channel = 0
    while channel + 4 * lanes <= size {
        var (s0, s1, s2, s3) = (splat(0), splat(0), splat(0), splat(0))
        for index in 0..<count {
            let value = task.values + (Int(rows[index]) * task.stride + channel)
            let weight = splat(task.scratch[index])
            s0 = multiplyAdd(weight, load(value), s0)
            s1 = multiplyAdd(weight, load(value + lanes), s1)
            s2 = multiplyAdd(weight, load(value + 2 * lanes), s2)
            s3 = multiplyAdd(weight, load(value + 3 * lanes), s3)
        }
        store(s0, y + channel)
        store(s1, y + (channel + lanes))
        store(s2, y + (channel + 2 * lanes))
        store(s3, y + (channel + 3 * lanes))
        channel += 4 * lanes
    }
    while channel < size {
        let rest = min(lanes, size - channel)
        var sum = splat(0)
        for index in 0..<count {
            let value = task.values + (Int(rows[index]) * task.stride + channel)
            let numbers = rest == lanes ? load(value) : load(value, first: rest)
            sum = multiplyAdd(splat(task.scratch[index]), numbers, sum)
        }
        if rest == lanes { store(sum, y + channel) } else { store(sum, y + channel, first: rest) }
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
