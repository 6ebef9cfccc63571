import SIMDKernelTable

extension Word {
    /// Numbers of a row whose sums of products stay within the integers.
    @inline(__always) func exactDepth(_ depth: Int) -> Int {
        switch self {
        case .shorts: ProductTask.exactDepth
        #if KERNELS_V3 || KERNELS_V4
            case .bytes: 1 << 16
        #endif
        #if KERNELS_V4
            case .brains: depth > 0 ? depth : 1
        #endif
        }
    }
}

/// A, rounded to the numbers of words, as words `[words, rows]`.
/// - Parameters:
///   - scales: what each row's sums are to be multiplied with, if its numbers are integers.
///   - starts: `[⌈depth / exactDepth⌉, rows]`, what the sums of a part of each row begin with.
@inline(__always) func interleaveWordRows(
    _ task: borrowing ProductTask, _ rows: Int, _ word: Word, into words: UnsafeMutablePointer<Int32>,
    _ rounded: UnsafeMutablePointer<Int32>, _ scales: UnsafeMutablePointer<Float>,
    _ starts: UnsafeMutablePointer<Int32>
) {
    let depth = task.a.columns
    let partDepth = word.exactDepth(depth)
    for row in 0..<rows {
        let source = task.a.pointer + row * task.a.stride
        var toIntegers: Float = 1
        if let limit = word.limit {
            (toIntegers, scales[row]) = integerScale(source, depth, limit: task.roundsActivations ? 127 : limit)
        }
        var (first, start) = (0, row)
        while first < depth {
            starts[start] = roundRow(
                source + first, toIntegers, min(partDepth, depth - first), word, into: rounded + first / word.count)
            first += partDepth
            start += rows
        }
        for index in 0..<word.words(depth) { words[index &* rows &+ row] = rounded[index] }
    }
}

/// `multiplyRows` over words.
@inline(__always) func multiplyWordRows(_ task: borrowing ProductTask, _ rows: Int, _ word: Word) {
    let depth = task.a.columns
    let wordCount = word.words(depth)
    let areIntegers = word.limit != nil
    let (partDepth, group) = (word.exactDepth(depth), task.panelType.group)
    let words = UnsafeMutableRawPointer(task.scratch).assumingMemoryBound(to: Int32.self)
    let starts = words + (rows + 1) * wordCount
    let scales = task.scratch + ((rows + 1) * wordCount + (depth / partDepth + 1) * rows)
    let edge = scales + rows
    if !task.hasInterleavedRows {
        interleaveWordRows(task, rows, word, into: words, words + rows * wordCount, scales, starts)
    }
    let panelWords = task.panelType.panelDepth(depth) / group * tileColumns
    var panel = task.panels.assumingMemoryBound(to: Int32.self)
    var column = 0
    while column < task.n {
        var sums = twelve(splat(0))
        var weights = panel
        var a = UnsafePointer(words)
        var start = UnsafePointer(starts)
        var first = 0
        while first < depth {
            let count = min(partDepth, depth - first)
            var tile = twelve(Bits(repeating: 0))
            for index in 0..<2 * rows { tile[index] = Bits(repeating: start[index &>> 1]) }
            @inline(__always) func add(_ b0: Bits, _ b1: Bits) {
                for row in 0..<rows {
                    let value = Bits(repeating: a[row])
                    tile[row &* 2] = word.dot(tile[row &* 2], value, b0)
                    tile[row &* 2 &+ 1] = word.dot(tile[row &* 2 &+ 1], value, b1)
                }
                a += rows
            }
            for _ in 0..<(count + group - 1) / group {
                prefetch(weights, 4 * tileColumns)
                let (b0, b1) = (load(weights), load(weights + lanes))
                if word == .shorts {
                    add(evenBytes(b0), evenBytes(b1))
                    for index in 0..<2 * rows { tile[index] = settled(tile[index]) }
                    add(oddBytes(b0), oddBytes(b1))
                } else {
                    add(b0, b1)
                }
                weights += tileColumns
            }
            for index in 0..<2 * rows { sums[index] += areIntegers ? floats(tile[index]) : vector(tile[index]) }
            first += count
            start += rows
        }
        let (s0, s1) = columnScales(task.scales, column)
        write(
            task.c + column, task.cStride, rows, min(tileColumns, task.n - column), tileRows: rows,
            bias: task.bias.map { $0 + column }, edge: edge
        ) { areIntegers ? sums[$0] * (splat(scales[$0 &>> 1]) * ($0 & 1 == 0 ? s0 : s1)) : sums[$0] }
        column += tileColumns
        panel += panelWords
    }
}
