#if arch(x86_64)
    import _Builtin_intrinsics.intel
#endif
#if KERNELS_V3 || arch(arm64)
    import CPUShim
#endif

// Products of int8 weights round each row of activations to integers by its own scale. Where a vector's bytes can be
// multiplied, to unsigned bytes: a number x becomes round(x · scale) + zero, of which 0 is the row's smallest number
// and `steps` its largest, so that no step is lost on a side of zero where the row has no numbers, as after GELU. What
// the zero adds to a sum is zero times the sum of the column's weights. NEON's bytes are signed, and all this is 128
// lower.
//
// Elsewhere (SSE2, NEON without products of bytes) to 16 bits on both sides of zero; pairs of numbers are multiplied
// and added at once.

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
        xlsr_dot_pairs(a, b)
    #endif
}

#if KERNELS_V3 || KERNELS_V4
    /// Per lane the sum of the products of four unsigned bytes with four signed ones, of which two neighbours' sum must
    /// fit into 16 bits.
    @inline(__always) func dotQuads(_ unsigned: Bits, _ signed: Bits) -> Bits {
        #if KERNELS_V4
            let pairs = _mm512_maddubs_epi16(
                unsafeBitCast(unsigned, to: __m512i.self), unsafeBitCast(signed, to: __m512i.self))
        #else
            let pairs = _mm256_maddubs_epi16(
                unsafeBitCast(unsigned, to: __m256i.self), unsafeBitCast(signed, to: __m256i.self))
        #endif
        return dotPairs(unsafeBitCast(pairs, to: Bits.self), Bits(repeating: 0x0001_0001))
    }
#endif

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
@inline(__always) func evenBytes(_ quads: Bits) -> Bits {
    let eight = Halves(repeating: 8)
    return unsafeBitCast((unsafeBitCast(quads, to: Halves.self) &<< eight) &>> eight, to: Bits.self)
}

/// The second and the fourth.
@inline(__always) func oddBytes(_ quads: Bits) -> Bits {
    unsafeBitCast(unsafeBitCast(quads, to: Halves.self) &>> Halves(repeating: 8), to: Bits.self)
}

/// The same, in a register here: else the optimiser adds up in another order, for which AVX2 has too few registers
/// (int8's few rows 13 % slower).
@inline(__always) func settled(_ sum: Bits) -> Bits {
    #if KERNELS_V3
        unsafeBitCast(xlsr_settled(unsafeBitCast(sum, to: xlsr_words.self)), to: Bits.self)
    #else
        sum
    #endif
}

/// What a row's smallest number becomes, as bytes.
@inline(__always) var leastByte: Int32 {
    #if arch(arm64)
        -128
    #else
        0
    #endif
}

/// How a row becomes integers.
struct RowScale {
    /// What its numbers are multiplied with.
    var toIntegers: Float
    /// What is added then.
    var zero: Int32
    /// What the integers less `zero` are to be multiplied with to be the row.
    var toFloats: Float
}

/// - Parameter steps: the largest integer that the row's numbers become, an even number; nil for integers of 16 bits on
///   both sides of zero. Rounding may add one. A row with a number that isn't finite becomes NaN altogether.
@inline(__always) func rowScale(_ row: UnsafePointer<Float>, _ count: Int, steps: Float?) -> RowScale {
    // Compared as integers, positive numbers have their order, with infinity and NaN above all; with the sign turned,
    // so have negative ones.
    let sign = Bits(repeating: .min)
    var (most, least) = (Bits(repeating: 0), Bits(repeating: 0))
    @inline(__always) func add(_ x: Vector) {
        let value = bits(x)
        let turned = value ^ sign
        most = most.replacing(with: value, where: value .> most)
        least = least.replacing(with: turned, where: turned .> least)
    }
    var index = 0
    while index + lanes <= count {
        add(load(row + index))
        index += lanes
    }
    if index < count { add(load(row + index, first: count - index)) }
    var (high, low): (Int32, Int32) = (0, 0)
    for lane in 0..<lanes {
        if most[lane] > high { high = most[lane] }
        if least[lane] > low { low = least[lane] }
    }
    let larger = high > low ? high : low
    guard larger < 0x7F80_0000 else { return RowScale(toIntegers: 0, zero: 0, toFloats: .nan) }
    let (upper, lower) = (Float(bitPattern: UInt32(high)), Float(bitPattern: UInt32(low)))
    // By halves, whose sum is finite.
    let inverse: Float
    if let steps {
        inverse = steps / 2 / (upper / 2 + lower / 2)
    } else {
        inverse = 32767 / Float(bitPattern: UInt32(larger))
    }
    let toIntegers = inverse < 1e37 ? inverse : 1e37
    // Rounded as the smallest number will be, which becomes 0 then.
    let zero = steps == nil ? 0 : rounded(splat(lower), splat(toIntegers), zero: leastByte)[0]
    return RowScale(toIntegers: toIntegers, zero: zero, toFloats: 1 / toIntegers)
}

/// `round(x · scale) + zero` for products of at most 2¹⁵.
@inline(__always) func rounded(_ x: Vector, _ scale: Vector, zero: Int32) -> Bits {
    // Adding 1.5 · 2²³ rounds to an integer, which then lies in the low bits.
    bits(multiplyAdd(x, scale, splat(12_582_912))) &- Bits(repeating: 0x4B40_0000 &- zero)
}
