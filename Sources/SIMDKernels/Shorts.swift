import SIMDKernelTable

// Products of weights of 16 bits (bfloat16, float16) by VNNI's dot products of integers, at twice the rate of float32's
// multiply-adds. Each row of A and each column of B is scaled, by a power of two, until no part of `shortDepth` numbers
// is longer than √2³¹ as a vector: no sum of products of a part leaves 32 bits then (Cauchy and Schwarz), whatever the
// numbers are. Numbers of ordinary spread keep ten to eleven bits beside the sign: a step is 1/23000 to 1/46000 of the
// length, and rounding costs some 3·10⁻⁴ of a product, a fifth of what bfloat16's costs. Of a column of bfloat16 only
// the small numbers are rounded at all: its others have eight bits.

/// The greatest length: rounding may add half of the root of how many numbers there are.
@inline(__always) var mostShortLength: Float { 46_000 }

/// A power of two by which numbers are brought to at most four, for their squares to be ordinary.
/// - Parameter largest: their largest magnitude's bits.
@inline(__always) private func unitScale(_ largest: Int32) -> Float {
    // The bits of an exponent e are e + 127.
    let exponent = largest &>> 23
    let bounded = exponent < 20 ? 20 : exponent > 253 ? 253 : exponent
    return Float(bitPattern: UInt32(254 - bounded) &<< 23)
}

/// The largest power of two with which numbers become integers of 16 bits whose length is at most `mostShortLength`;
/// NaN where one isn't finite.
/// - Parameters:
///   - unit: their `unitScale`.
///   - squares: what the squares of a part's numbers times that add up to at most.
@inline(__always) private func shortScale(_ largest: Int32, _ unit: Float, _ squares: Float) -> Float {
    guard largest < 0x7F80_0000 else { return .nan }
    let top = Float(bitPattern: UInt32(largest)) * unit
    let byLength = mostShortLength / squares.squareRoot()
    let byLargest = 32_767 / top
    let scale = byLength < byLargest ? byLength : byLargest
    // Of zeros alone it is infinite, and of others near 2⁻¹²⁶ too large for a float.
    let bounded = scale < 0x1p19 ? scale : 0x1p19
    return Float(bitPattern: bounded.bitPattern & 0x7F80_0000) * unit
}

/// How a row becomes integers of 16 bits. A row with a number that isn't finite becomes NaN altogether.
@inline(__always) func shortScale(_ row: UnsafePointer<Float>, _ count: Int) -> RowScale {
    let (largest, plainSquares) = shortMeasure(row, count, 1)
    let unit = unitScale(largest)
    let exponent = largest &>> 23 &- 127
    // Squares of numbers further from 1 may be no ordinary ones.
    let isOrdinary = exponent > -40 && exponent < 40
    let squares = isOrdinary ? plainSquares * unit * unit : shortMeasure(row, count, unit).squares
    let scale = shortScale(largest, unit, squares)
    guard scale == scale else { return RowScale(toIntegers: 0, zero: 0, toFloats: .nan) }
    return RowScale(toIntegers: scale, zero: 0, toFloats: 1 / scale)
}

/// The bits of a row's largest magnitude, and what the squares of a part's numbers times `unit` add up to at most.
@inline(__always) private func shortMeasure(
    _ row: UnsafePointer<Float>, _ count: Int, _ unit: Float
) -> (largest: Int32, squares: Float) {
    var most = Bits(repeating: 0)
    var squares: Float = 0
    var first = 0
    while first < count {
        let end = min(first + ProductTask.shortDepth, count)
        // Two sums, since one would wait for itself.
        var (s0, s1) = (splat(0), splat(0))
        var index = first
        while index < end {
            let x = index + lanes <= end ? load(row + index) : load(row + index, first: end - index)
            let value = magnitude(x)
            most = most.replacing(with: value, where: value .> most)
            let scaled = x * splat(unit)
            (s0, s1) = (s1, multiplyAdd(scaled, scaled, s0))
            index += lanes
        }
        let total = sum(s0 + s1)
        if total > squares { squares = total }
        first = end
    }
    var largest: Int32 = 0
    for lane in 0..<lanes where most[lane] > largest { largest = most[lane] }
    return (largest, squares)
}

/// The scale of each column of a vector of them.
/// - Parameter values: the vector's numbers at a step of `depth`.
@inline(__always) func shortScales(_ depth: Int, _ values: (_ step: Int) -> Vector) -> Vector {
    var most = Bits(repeating: 0)
    for step in 0..<depth {
        let value = magnitude(values(step))
        most = most.replacing(with: value, where: value .> most)
    }
    var units = splat(0)
    for lane in 0..<lanes { units[lane] = unitScale(most[lane]) }
    var squares = splat(0)
    var first = 0
    while first < depth {
        let end = min(first + ProductTask.shortDepth, depth)
        var part = splat(0)
        for step in first..<end {
            let value = values(step) * units
            part = multiplyAdd(value, value, part)
        }
        squares = larger(part, squares)
        first = end
    }
    for lane in 0..<lanes { units[lane] = shortScale(most[lane], units[lane], squares[lane]) }
    return units
}

/// `round(x · scale)` in the lower half of each lane; what the upper ones hold is no part of it.
@inline(__always) func shortBits(_ x: Vector, _ scale: Vector) -> Bits {
    // As `rounded`, whose constant has no bits in the lower half.
    bits(multiplyAdd(x, scale, splat(12_582_912)))
}

/// The integers of two vectors, next to each other.
@inline(__always) func shortPair(_ first: Vector, _ second: Vector, _ scale: Vector) -> Bits {
    shortBits(first, scale) & Bits(repeating: 0xFFFF) | shortBits(second, scale) &<< Bits(repeating: 16)
}

/// Turns a panel of bfloat16 or float16 into one of int16, in place.
@inline(__always) func roundToShorts(_ task: borrowing PackTask) {
    if task.numberType == .bfloat16 { roundToShorts(task, brainSteps) } else { roundToShorts(task, halfSteps) }
}

/// - Parameter twoSteps: of a panel's columns, both vectors of a step of depth and of the next.
@inline(__always) private func roundToShorts(
    _ task: borrowing PackTask, _ twoSteps: (UnsafeRawPointer, _ hasSecond: Bool) -> (Vector, Vector, Vector, Vector)
) {
    let depth = task.panelType.panelDepth(task.depth)
    let panel = task.panel
    @inline(__always) func pair(_ index: Int) -> (Vector, Vector, Vector, Vector) {
        twoSteps(UnsafeRawPointer(panel) + index &* (4 * tileColumns), true)
    }
    let first = shortScales(depth) { $0 & 1 == 0 ? pair($0 / 2).0 : pair($0 / 2).2 }
    let second = shortScales(depth) { $0 & 1 == 0 ? pair($0 / 2).1 : pair($0 / 2).3 }
    for index in 0..<depth / 2 {
        let (a0, a1, b0, b1) = pair(index)
        let words = (panel + index &* (4 * tileColumns)).assumingMemoryBound(to: Int32.self)
        store(shortPair(a0, b0, first), words)
        store(shortPair(a1, b1, second), words + lanes)
    }
    guard let scales = task.scales else { return }
    let steps = (splat(1) / first, splat(1) / second)
    for lane in 0..<lanes {
        if task.columns[lane] != nil { scales[lane] = steps.0[lane] }
        if task.columns[lanes + lane] != nil { scales[lanes + lane] = steps.1[lane] }
    }
}
