#if arch(x86_64)
    import _Builtin_intrinsics.intel
#endif

// Without instructions for bytes, products of int8 weights have activations of 16 bits, each row by its own scale, and
// pairs of neighbours in depth are multiplied and added at once, which is twice as fast as float32. A lane of `Bits`
// holds such a pair, the first number in its lower half.

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

/// Lane by lane, as `floats`.
@inline(__always) func unsignedIntegers(_ halves: UnsafeRawPointer) -> Bits {
    let halves = halves.assumingMemoryBound(to: UInt16.self)
    var result = Bits(repeating: 0)
    for lane in 0..<lanes { result[lane] = Int32(halves[lane]) }
    return result
}

/// A vector of pairs of bytes as pairs of 16 bits.
@inline(__always) func integerPairs(_ bytes: UnsafeRawPointer) -> Bits {
    #if KERNELS_V4
        unsafeBitCast(
            _mm512_cvtepi8_epi16(_mm256_loadu_si256(bytes.assumingMemoryBound(to: __m256i.self))), to: Bits.self)
    #elseif KERNELS_V3
        unsafeBitCast(
            _mm256_cvtepi8_epi16(_mm_loadu_si128(bytes.assumingMemoryBound(to: __m128i.self))), to: Bits.self)
    #else
        let pairs = unsignedIntegers(bytes)
        let first = (pairs &<< Bits(repeating: 24)) &>> Bits(repeating: 24)
        let second = (pairs &<< Bits(repeating: 16)) &>> Bits(repeating: 24)
        return (first & Bits(repeating: 0xFFFF)) | (second &<< Bits(repeating: 16))
    #endif
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
