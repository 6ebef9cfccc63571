/// Columns of 1, 2 or 4-byte numbers to a panel `[depth][tileColumns]`, by words of eight bytes.
@inline(__always) func transpose(
    _ depth: Int, _ byteSize: Int, _ panel: UnsafeMutableRawPointer, _ column: (Int) -> UnsafeRawPointer?
) {
    let perWord = 8 / byteSize
    var first = 0
    while first < depth {
        // As in `packTransposed`, and few columns at a time: those of a power of two share a set of that cache.
        let count = min(64, depth - first)
        let target = panel + first * tileColumns * byteSize
        let offset = first * byteSize
        var lane = 0
        while lane < tileColumns {
            let done = transposeWords(count, byteSize, target + lane * byteSize) {
                column(lane + $0).map { $0 + offset }
            }
            for part in 0..<perWord {
                let source = column(lane + part)
                for k in done..<count {
                    let number = target + (k * tileColumns + lane + part) * byteSize
                    for byte in 0..<byteSize {
                        let value = source?.load(fromByteOffset: offset + k * byteSize + byte, as: UInt8.self) ?? 0
                        number.storeBytes(of: value, toByteOffset: byte, as: UInt8.self)
                    }
                }
            }
            lane += perWord
        }
        first += count
    }
}

/// As many of `count` numbers as make whole words, for as many columns as a word has numbers. Returns how many; 0 where
/// a column is missing.
@inline(__always) func transposeWords(
    _ count: Int, _ byteSize: Int, _ target: UnsafeMutableRawPointer, _ column: (Int) -> UnsafeRawPointer?
) -> Int {
    let stride = tileColumns * byteSize
    guard let a = column(0), let b = column(1) else { return 0 }
    if byteSize == 4 {
        return transposeEach(count / 2 * 2, 2) { k in
            var (p, q) = (word(a + 4 * k), word(b + 4 * k))
            exchange(&p, &q, 32)
            storeWords(p, q, target + k * stride, stride)
        }
    }
    // Single bytes are those of one last step.
    guard byteSize == 2, let c = column(2), let d = column(3) else { return 0 }
    return transposeEach(count / 4 * 4, 4) { k in
        var (p, q, r, s) = (word(a + 2 * k), word(b + 2 * k), word(c + 2 * k), word(d + 2 * k))
        exchange(&p, &r, 32)
        exchange(&q, &s, 32)
        exchange(&p, &q, 16)
        exchange(&r, &s, 16)
        storeWords(p, q, target + k * stride, stride)
        storeWords(r, s, target + (k + 2) * stride, stride)
    }
}

@inline(__always) func transposeEach(_ count: Int, _ step: Int, _ body: (Int) -> Void) -> Int {
    var k = 0
    while k < count {
        body(k)
        k += step
    }
    return count
}

@inline(__always) func word(_ pointer: UnsafeRawPointer) -> UInt64 { pointer.loadUnaligned(as: UInt64.self) }

@inline(__always) func storeWords(_ a: UInt64, _ b: UInt64, _ target: UnsafeMutableRawPointer, _ stride: Int) {
    target.storeBytes(of: a, as: UInt64.self)
    (target + stride).storeBytes(of: b, as: UInt64.self)
}

/// Swaps the upper half of each group of `2 · bitCount` bits of `a` with the lower half of `b`'s: a step of a transposition.
@inline(__always) func exchange(_ a: inout UInt64, _ b: inout UInt64, _ bitCount: UInt64) {
    let lower: UInt64 = bitCount == 32 ? 0xFFFF_FFFF : 0x0000_FFFF_0000_FFFF
    let difference = (a &>> bitCount ^ b) & lower
    b ^= difference
    a ^= difference &<< bitCount
}
