import SIMDKernelTable

/// Columns of `depth` numbers to a panel, `panelDepth` deep with zeros at its end. What lies next to each other, two
/// or four bytes, is moved as one.
@inline(__always) func transpose(
    _ depth: Int, _ panelDepth: Int, _ type: PanelType, _ panel: UnsafeMutableRawPointer,
    _ column: (Int) -> UnsafeRawPointer?
) {
    let unit = type.byteSize * type.group
    let byteCount = depth * type.byteSize
    let unitCount = panelDepth / type.group
    let stride = tileColumns * unit
    var first = 0
    while first < unitCount {
        // As in `packTransposed`, and few columns at a time: those of a power of two share a set of that cache.
        let count = min(64, unitCount - first)
        let whole = min(count, byteCount / unit - first)
        let target = panel + first * stride
        var lane = 0
        while lane < tileColumns {
            let done = transposeWords(whole, unit, target + lane * unit) {
                column(lane + $0).map { $0 + first * unit }
            }
            for part in 0..<8 / unit {
                let source = column(lane + part)
                for k in done..<count {
                    let place = target + (k * stride + (lane + part) * unit)
                    for byte in 0..<unit {
                        let offset = (first + k) * unit + byte
                        let value = offset < byteCount ? source?.load(fromByteOffset: offset, as: UInt8.self) ?? 0 : 0
                        place.storeBytes(of: value, toByteOffset: byte, as: UInt8.self)
                    }
                }
            }
            lane += 8 / unit
        }
        first += count
    }
}

/// As many of `count` units as make whole words of eight bytes, for as many columns as a word has units. Returns how
/// many; 0 where a column is missing.
@inline(__always) func transposeWords(
    _ count: Int, _ unit: Int, _ target: UnsafeMutableRawPointer,
    _ column: (Int) -> UnsafeRawPointer?
) -> Int {
    let stride = tileColumns * unit
    guard count > 0, let a = column(0), let b = column(1) else { return 0 }
    if unit == 4 {
        return transposeEach(count / 2 * 2, 2) { k in
            var (p, q) = (word(a + 4 * k), word(b + 4 * k))
            exchange(&p, &q, 32)
            storeWords(p, q, target + k * stride, stride)
        }
    }
    guard let c = column(2), let d = column(3) else { return 0 }
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

/// Swaps the upper half of each group of `2 · bitCount` bits of `a` with the lower half of `b`'s: a step of a
/// transposition.
@inline(__always) func exchange(_ a: inout UInt64, _ b: inout UInt64, _ bitCount: UInt64) {
    let lower: UInt64 = bitCount == 32 ? 0xFFFF_FFFF : 0x0000_FFFF_0000_FFFF
    let difference = (a &>> bitCount ^ b) & lower
    b ^= difference
    a ^= difference &<< bitCount
}
