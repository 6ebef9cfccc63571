#if arch(x86_64)
    import _Builtin_intrinsics.intel
#endif
#if KERNELS_V3
    import CPUShim
#endif

// Without instructions for bytes, products of int8 weights have activations of 16 bits, each row by its own scale, and
// pairs of numbers are multiplied and added at once, which is twice as fast as float32. A lane of `Bits` holds such a
// pair, one number in each half: of each quad in depth the first and the third, then the second and the fourth, which
// lie in the even and in the odd bytes.

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
    // As float32: a load of integers of its own became a weak symbol.
    bits(load(UnsafeRawPointer(pointer).assumingMemoryBound(to: Float.self)))
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

/// The first and the third byte of each lane as 16 bits.
@inline(__always) func evenBytes(_ quads: Bits) -> Bits { quads & Bits(repeating: 0x00FF_00FF) }

/// The second and the fourth.
@inline(__always) func oddBytes(_ quads: Bits) -> Bits {
    unsafeBitCast(unsafeBitCast(quads, to: Halves.self) &>> Halves(repeating: 8), to: Bits.self)
}

/// The same, in a register here: else the optimiser adds up in another order, for which AVX2 has too few registers (int8's
/// few rows 13 % slower).
@inline(__always) func settled(_ sum: Bits) -> Bits {
    #if KERNELS_V3
        unsafeBitCast(xlsr_settled(unsafeBitCast(sum, to: xlsr_words.self)), to: Bits.self)
    #else
        sum
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

/// `round(x · scale)` for products of at most 2¹⁵.
@inline(__always) func rounded(_ x: Vector, _ scale: Vector) -> Bits {
    // Adding 1.5 · 2²³ rounds to an integer, which then lies in the low bits.
    bits(multiplyAdd(x, scale, splat(12_582_912))) &- Bits(repeating: 0x4B40_0000)
}

/// What a row's sums begin with: weights are stored with 128 more than they are.
@inline(__always) func startOfSums(_ integers: Bits) -> Int32 {
    var sum: Int32 = 0
    for lane in 0..<lanes { sum &+= integers[lane] }
    return -128 &* sum
}
