#if KERNELS_V3 || KERNELS_V4
    import CPUShim
#endif

/// What a lane of 32 bits holds of both factors, neighbours in depth, where they are multiplied at once.
enum Word {
    /// Two integers of 16 bits, which every instruction set multiplies.
    case shorts
    #if KERNELS_V3 || KERNELS_V4
        /// Four of 8 bits (VNNI), of activations 128 more than they are: their bytes have no sign.
        case bytes
    #endif
    #if KERNELS_V4
        /// Two bfloat16, whose sums are float32 (AVX512_BF16).
        case brains
    #endif

    @inline(__always) var count: Int {
        #if KERNELS_V3 || KERNELS_V4
            if self == .bytes { return 4 }
        #endif
        return 2
    }

    /// The largest integer that activations become; nil where they stay floating-point numbers.
    @inline(__always) var limit: Float? {
        switch self {
        case .shorts: 32767
        #if KERNELS_V3 || KERNELS_V4
            case .bytes: 127
        #endif
        #if KERNELS_V4
            case .brains: nil
        #endif
        }
    }

    /// `sum` with the products of each lane's words added.
    @inline(__always) func dot(_ sum: Bits, _ a: Bits, _ b: Bits) -> Bits {
        switch self {
        case .shorts: return sum &+ dotPairs(a, b)
        #if KERNELS_V3 || KERNELS_V4
            case .bytes:
                return unsafeBitCast(
                    xlsr_dot_bytes(
                        unsafeBitCast(sum, to: xlsr_words.self), unsafeBitCast(a, to: xlsr_words.self),
                        unsafeBitCast(b, to: xlsr_words.self)), to: Bits.self)
        #endif
        #if KERNELS_V4
            case .brains:
                return bits(
                    xlsr_dot_brain(
                        vector(sum), unsafeBitCast(a, to: xlsr_words.self), unsafeBitCast(b, to: xlsr_words.self)))
        #endif
        }
    }

    /// Rounds a vector of activations and stores its first `count`.
    @inline(__always) func store(
        _ x: Vector, _ scale: Vector, _ result: UnsafeMutableRawPointer, first count: Int = lanes
    ) {
        switch self {
        case .shorts:
            let value = rounded(x, scale)
            let shorts = result.assumingMemoryBound(to: Int16.self)
            for lane in 0..<count { shorts[lane] = Int16(truncatingIfNeeded: value[lane]) }
        #if KERNELS_V3 || KERNELS_V4
            case .bytes:
                let value = rounded(x, scale) ^ Bits(repeating: 0x80)
                let bytes = result.assumingMemoryBound(to: UInt8.self)
                for lane in 0..<count { bytes[lane] = UInt8(truncatingIfNeeded: value[lane]) }
        #endif
        #if KERNELS_V4
            case .brains:
                let brains = xlsr_round_to_brain(x)
                if count == lanes { return result.storeBytes(of: brains, as: type(of: brains)) }
                let halves = unsafeBitCast(brains, to: SIMD16<UInt16>.self)
                for lane in 0..<count { result.storeBytes(of: halves[lane], toByteOffset: 2 * lane, as: UInt16.self) }
        #endif
        }
    }
}

/// Rounds `count` numbers of a row; the last word ends with zeros.
@inline(__always) func roundRow(
    _ row: UnsafePointer<Float>, _ scale: Float, _ count: Int, _ word: Word = .shorts,
    into result: UnsafeMutablePointer<Int32>
) {
    let scales = splat(scale)
    let byteSize = 4 / word.count
    let target = UnsafeMutableRawPointer(result)
    var index = 0
    while index + lanes <= count {
        word.store(load(row + index), scales, target + index &* byteSize)
        index += lanes
    }
    if index < count {
        let whole = (count - index + word.count - 1) / word.count * word.count
        word.store(load(row + index, first: count - index), scales, target + index * byteSize, first: whole)
    }
}
