import SIMDKernelTable

extension Word {
    /// Numbers of a row whose sums of products stay within the integers.
    @inline(__always) func exactDepth(_ depth: Int) -> Int {
        guard isInteger else { return depth > 0 ? depth : 1 }
        guard !hasShortWeights else { return ProductTask.shortDepth }
        return count == 4 ? 1 << 16 : ProductTask.exactDepth
    }
}

/// A, rounded to the numbers of words, as words `[words, rows]`.
/// - Parameters:
///   - scales: what each row's sums are to be multiplied with, if its numbers are integers.
///   - zeros: what stands for 0 in each row.
@inline(__always) func interleaveWordRows(
    _ task: borrowing ProductTask, _ rows: Int, _ word: Word, into words: UnsafeMutablePointer<Int32>,
    _ rounded: UnsafeMutablePointer<Int32>, _ scales: UnsafeMutablePointer<Float>,
    _ zeros: UnsafeMutablePointer<Float>
) {
    let depth = task.a.columns
    for row in 0..<rows {
        let source = task.a.pointer + row * task.a.stride
        let scale = word.scale(source, depth, steps: task.steps)
        (scales[row], zeros[row]) = (scale.toFloats, Float(scale.zero))
        roundRow(source, scale.toIntegers, zero: scale.zero, depth, word, into: rounded)
        for index in 0..<word.words(depth) { words[index &* rows &+ row] = rounded[index] }
    }
}

/// `multiplyRows` over words.
@inline(__always) func multiplyWordRows(_ task: borrowing ProductTask, _ rows: Int, _ word: Word) {
    let depth = task.a.columns
    let wordCount = word.words(depth)
    let isInteger = word.isInteger
    let (partDepth, group) = (word.exactDepth(depth), task.panelType.group)
    let words = UnsafeMutableRawPointer(task.scratch).assumingMemoryBound(to: Int32.self)
    let scales = task.scratch + (rows + 1) * wordCount
    let zeros = scales + rows
    let edge = zeros + rows
    if !task.hasInterleavedRows {
        interleaveWordRows(task, rows, word, into: words, words + rows * wordCount, scales, zeros)
    }
    let panelWords = task.panelType.panelDepth(depth) / group * tileColumns
    var panel = task.panels.assumingMemoryBound(to: Int32.self)
    var column = 0
    while column < task.n {
        var sums = twelve(splat(0))
        var weights = panel
        var a = UnsafePointer(words)
        var first = 0
        while first < depth {
            let count = min(partDepth, depth - first)
            var tile = twelve(Bits(repeating: 0))
            @inline(__always) func add(_ b0: Bits, _ b1: Bits) {
                for row in 0..<rows {
                    let value = a[row]
                    tile[row &* 2] = word.dot(tile[row &* 2], value, b0)
                    tile[row &* 2 &+ 1] = word.dot(tile[row &* 2 &+ 1], value, b1)
                }
                a += rows
            }
            for _ in 0..<(count + group - 1) / group {
                prefetch(weights, 4 * tileColumns)
                let (b0, b1) = (load(weights), load(weights + lanes))
                if word.count == 2, word.hasByteWeights {
                    add(evenBytes(b0), evenBytes(b1))
                    add(oddBytes(b0), oddBytes(b1))
                } else {
                    add(b0, b1)
                }
                if isInteger {
                    for index in 0..<2 * rows { tile[index] = settled(tile[index]) }
                }
                weights += tileColumns
            }
            for index in 0..<2 * rows { sums[index] += isInteger ? floats(tile[index]) : vector(tile[index]) }
            first += count
        }
        let columns = ColumnScales(task, column)
        write(
            task.c + column, task.cStride, rows, min(tileColumns, task.n - column), tileRows: rows,
            bias: task.bias.map { $0 + column }, edge: edge
        ) { index in
            guard isInteger else { return sums[index] }
            return columns.scaled(sums[index], index & 1, scale: scales[index &>> 1], zero: zeros[index &>> 1])
        }
        column += tileColumns
        panel += panelWords
    }
}
