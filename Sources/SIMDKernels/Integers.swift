#if arch(x86_64)
    import _Builtin_intrinsics.intel
#endif

// Products of int8 weights: activations are rounded to 16 bits, each row by its own scale, and pairs are multiplied and
// added at once, which is twice as fast as float32. A lane of `Bits` holds such a pair, the first number in its lower
// half. Panels hold quads, numbers 0 to 3 of depth in a lane: shifts make pairs of 0 and 2, and of 1 and 3.

/// Steps of depth whose products, at most 2¹⁵ · 2⁷ each, add up within 32 bits.
@inline(__always) var exactDepth: Int { 512 }

/// Per lane the sum of the products of both halves.
@inline(__always) func dotPairs(_ a: Bits, _ b: Bits) -> Bits {
    #if KERNELS_V4
        unsafeBitCast(
            _mm512_madd_epi16(unsafeBitCast(a, to: __m512i.self), unsafeBitCast(b, to: __m512i.self)), to: Bits.self)
    #elseif KERNELS_V3
        unsafeBitCast(
            _mm256_madd_epi16(unsafeBitCast(a, to: __m256i.self), unsafeBitCast(b, to: __m256i.self)), to: Bits.self)
    #elseif arch(x86_64)
        unsafeBitCast(
            _mm_madd_epi16(unsafeBitCast(a, to: __m128i.self), unsafeBitCast(b, to: __m128i.self)), to: Bits.self)
    #else
        lowerHalf(a) &* lowerHalf(b) &+ (a &>> Bits(repeating: 16)) &* (b &>> Bits(repeating: 16))
    #endif
}

@inline(__always) func lowerHalf(_ pairs: Bits) -> Bits {
    (pairs &<< Bits(repeating: 16)) &>> Bits(repeating: 16)
}

@inline(__always) func load(_ pointer: UnsafePointer<Int32>) -> Bits {
    UnsafeRawPointer(pointer).loadUnaligned(as: Bits.self)
}

@inline(__always) func store(_ value: Bits, _ pointer: UnsafeMutablePointer<Int32>) {
    UnsafeMutableRawPointer(pointer).storeBytes(of: value, as: Bits.self)
}

/// Lane by lane, which the optimiser turns into one conversion: the library's own is a generic function.
@inline(__always) func floats(_ integers: Bits) -> Vector {
    var result = splat(0)
    for lane in 0..<lanes { result[lane] = Float(integers[lane]) }
    return result
}

/// A lane's two 16-bit numbers apart.
#if KERNELS_V4
    typealias Halves = SIMD32<Int16>
#elseif KERNELS_V3
    typealias Halves = SIMD16<Int16>
#else
    typealias Halves = SIMD8<Int16>
#endif

/// The pairs of one vector of quads: numbers 0 and 2, and 1 and 3.
@inline(__always) func weightPairs(_ quads: UnsafeRawPointer) -> (even: Bits, odd: Bits) {
    // As floats: a load of halves would be a generic of the library, which may become a weak symbol.
    let halves = unsafeBitCast(load(quads.assumingMemoryBound(to: Float.self)), to: Halves.self)
    let eight = Halves(repeating: 8)
    return (
        unsafeBitCast((halves &<< eight) &>> eight, to: Bits.self), unsafeBitCast(halves &>> eight, to: Bits.self)
    )
}

/// Quads of a row in which 1 and 2 have changed places, so that pairs are those of `weightPairs`.
@inline(__always) func pairOrder(_ x: Bits) -> Bits {
    var result = x
    for lane in 0..<lanes where lane & 3 == 1 {
        result[lane] = x[lane &+ 1]
        result[lane &+ 1] = x[lane]
    }
    return result
}

/// What a row is multiplied with to become integers of at most `limit`, and what these are to be multiplied with to be
/// the row. A row with a number that isn't finite becomes NaN altogether.
@inline(__always) func integerScale(
    _ row: UnsafePointer<Float>, _ count: Int, limit: Float
) -> (toIntegers: Float, toFloats: Float) {
    // Compared as integers, magnitudes have the order of their numbers, with infinity and NaN above all.
    var most = Bits(repeating: 0)
    let magnitude = Bits(repeating: 0x7FFF_FFFF)
    var index = 0
    while index + lanes <= count {
        let value = bits(load(row + index)) & magnitude
        most = most.replacing(with: value, where: value .> most)
        index += lanes
    }
    if index < count {
        let value = bits(load(row + index, first: count - index)) & magnitude
        most = most.replacing(with: value, where: value .> most)
    }
    var largest: Int32 = 0
    for lane in 0..<lanes where most[lane] > largest { largest = most[lane] }
    guard largest < 0x7F80_0000 else { return (0, .nan) }
    let inverse = limit / Float(bitPattern: UInt32(bitPattern: largest))
    let toIntegers = inverse < 1e37 ? inverse : 1e37
    return (toIntegers, 1 / toIntegers)
}

/// `round(x · scale)` in the lower half of each lane, for products of at most 2¹⁵.
@inline(__always) func rounded(_ x: Vector, _ scale: Vector) -> Bits {
    // Adding 1.5 · 2²³ rounds to an integer, which then lies in the low bits.
    bits(multiplyAdd(x, scale, splat(12_582_912)))
}

/// Rounds `count` numbers of a row to 16 bits, quads in the order of pairs; the last quad ends with zeros.
@inline(__always) func roundRow(
    _ row: UnsafePointer<Float>, _ scale: Float, _ count: Int, into result: UnsafeMutablePointer<Int32>
) {
    let scales = splat(scale)
    let halves = UnsafeMutableRawPointer(result).assumingMemoryBound(to: Int16.self)
    var index = 0
    while index + lanes <= count {
        let value = pairOrder(rounded(load(row + index), scales))
        for lane in 0..<lanes { halves[index &+ lane] = Int16(truncatingIfNeeded: value[lane]) }
        index += lanes
    }
    if index < count {
        // Zero times any scale is the zero that the last quad ends with.
        let value = pairOrder(rounded(load(row + index, first: count - index), scales))
        for lane in 0..<(count - index + 3) / 4 * 4 { halves[index &+ lane] = Int16(truncatingIfNeeded: value[lane]) }
    }
}
