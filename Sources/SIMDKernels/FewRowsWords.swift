import SIMDKernelTable

/// A, rounded to the numbers of a word of two, as words `[⌈depth / 2⌉, rows]`.
/// - Parameter scales: what each row's sums are to be multiplied with, if its numbers are integers.
@inline(__always) func interleaveWordRows(
    _ task: borrowing ProductTask, _ rows: Int, _ word: Word, into words: UnsafeMutablePointer<Int32>,
    _ rounded: UnsafeMutablePointer<Int32>, _ scales: UnsafeMutablePointer<Float>
) {
    let depth = task.a.columns
    for row in 0..<rows {
        let source = task.a.pointer + row * task.a.stride
        var toIntegers: Float = 1
        if let limit = word.limit {
            (toIntegers, scales[row]) = integerScale(source, depth, limit: task.roundsActivations ? 127 : limit)
        }
        roundRow(source, toIntegers, depth, word, into: rounded)
        for index in 0..<(depth + 1) / 2 { words[index &* rows &+ row] = rounded[index] }
    }
}

/// `multiplyRows` over words of two. Sums leave the integers whenever these could overflow.
@inline(__always) func multiplyWordRows(_ task: borrowing ProductTask, _ rows: Int, _ word: Word) {
    let depth = task.a.columns
    let wordCount = (depth + 1) / 2
    let areIntegers = word.limit != nil
    let wordsOfSum = areIntegers ? ProductTask.exactDepth / 2 : wordCount
    let words = UnsafeMutableRawPointer(task.scratch).assumingMemoryBound(to: Int32.self)
    let scales = task.scratch + (rows + 1) * wordCount
    let edge = scales + rows
    if !task.hasInterleavedRows {
        interleaveWordRows(task, rows, word, into: words, words + rows * wordCount, scales)
    }
    // Of a vector of words.
    let byteSize = areIntegers ? 2 * lanes : 4 * lanes
    let panelBytes = task.panelType.panelDepth(depth) * byteSize
    var panel = task.panels
    var column = 0
    while column < task.n {
        var sums = twelve(splat(0))
        var weights = panel
        var a = UnsafePointer(words)
        var first = 0
        while first < wordCount {
            let end = min(first + wordsOfSum, wordCount)
            var tile = twelve(Bits(repeating: 0))
            @inline(__always) func addWord() {
                let (b0, b1) = (pairs(of: weights, areIntegers), pairs(of: weights + byteSize, areIntegers))
                for row in 0..<rows {
                    let value = Bits(repeating: a[row])
                    tile[row &* 2] = word.dot(tile[row &* 2], value, b0)
                    tile[row &* 2 &+ 1] = word.dot(tile[row &* 2 &+ 1], value, b1)
                }
                a += rows
                weights += 2 * byteSize
            }
            for _ in 0..<(end - first) / 2 {
                prefetch(weights, 4 * byteSize)
                addWord()
                addWord()
            }
            if (end - first) & 1 == 1 { addWord() }
            for index in 0..<2 * rows { sums[index] += areIntegers ? floats(tile[index]) : vector(tile[index]) }
            first = end
        }
        let (s0, s1) = columnScales(task.scales, column)
        write(
            task.c + column, task.cStride, rows, min(tileColumns, task.n - column), tileRows: rows,
            bias: task.bias.map { $0 + column }, edge: edge
        ) { areIntegers ? sums[$0] * (splat(scales[$0 &>> 1]) * ($0 & 1 == 0 ? s0 : s1)) : sums[$0] }
        column += tileColumns
        panel += panelBytes
    }
}

/// A vector of words of weights, which lie as bytes or as bfloat16.
@inline(__always) func pairs(of weights: UnsafeRawPointer, _ areBytes: Bool) -> Bits {
    areBytes ? integerPairs(weights) : load(weights.assumingMemoryBound(to: Int32.self))
}
