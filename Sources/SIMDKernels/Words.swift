#if KERNELS_V3 || KERNELS_V4
    import CPUShim
#endif

/// What a lane of 32 bits holds of both factors, neighbours in depth, where they are multiplied at once.
enum Word {
    /// Two integers of 16 bits, which every instruction set multiplies: the first and the third of a quad, or the others.
    case shorts
    #if KERNELS_V3 || KERNELS_V4
        /// Four of 8 bits (VNNI).
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

    /// Words of a row: of whole quads where they are integers.
    @inline(__always) func words(_ depth: Int) -> Int {
        limit == nil ? (depth + count - 1) / count : (depth + 3) / 4 * (4 / count)
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

    /// `sum` with the products of each lane's words added, of activations and of weights.
    @inline(__always) func dot(_ sum: Bits, _ a: Bits, _ b: Bits) -> Bits {
        switch self {
        case .shorts: return sum &+ dotPairs(a, b)
        #if KERNELS_V3 || KERNELS_V4
            case .bytes:
                return unsafeBitCast(
                    xlsr_dot_bytes(
                        unsafeBitCast(sum, to: xlsr_words.self), unsafeBitCast(b, to: xlsr_words.self),
                        unsafeBitCast(a, to: xlsr_words.self)), to: Bits.self)
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
    /// - Returns: the integers.
    @inline(__always) func store(
        _ x: Vector, _ scale: Vector, _ result: UnsafeMutableRawPointer, first count: Int = lanes
    ) -> Bits {
        switch self {
        case .shorts:
            let value = rounded(x, scale)
            let shorts = result.assumingMemoryBound(to: Int16.self)
            for lane in 0..<count {
                // The second and the third of four change places.
                let place = lane & ~3 | (lane & 1) &<< 1 | (lane &>> 1) & 1
                shorts[place] = Int16(truncatingIfNeeded: value[lane])
            }
            return value
        #if KERNELS_V3 || KERNELS_V4
            case .bytes:
                let value = rounded(x, scale)
                let bytes = result.assumingMemoryBound(to: Int8.self)
                for lane in 0..<count { bytes[lane] = Int8(truncatingIfNeeded: value[lane]) }
                return value
        #endif
        #if KERNELS_V4
            case .brains:
                let brains = xlsr_round_to_brain(x)
                if count == lanes {
                    result.storeBytes(of: brains, as: type(of: brains))
                } else {
                    let halves = unsafeBitCast(brains, to: SIMD16<UInt16>.self)
                    for lane in 0..<count {
                        result.storeBytes(of: halves[lane], toByteOffset: 2 * lane, as: UInt16.self)
                    }
                }
                return Bits(repeating: 0)
        #endif
        }
    }
}

/// Rounds `count` numbers of a row; the last word, or quad, ends with zeros.
/// - Returns: what its sums begin with.
// Transparent: merely inlined always, it stayed a function, with instructions of processors that others call it on.
@discardableResult
@_transparent func roundRow(
    _ row: UnsafePointer<Float>, _ scale: Float, _ count: Int, _ word: Word,
    into result: UnsafeMutablePointer<Int32>
) -> Int32 {
    let scales = splat(scale)
    let byteSize = 4 / word.count
    let target = UnsafeMutableRawPointer(result)
    var integers = Bits(repeating: 0)
    var index = 0
    while index + lanes <= count {
        integers &+= word.store(load(row + index), scales, target + index &* byteSize)
        index += lanes
    }
    if index < count {
        let rest = count - index
        integers &+= word.store(
            load(row + index, first: rest), scales, target + index * byteSize, first: word.words(rest) * word.count)
    }
    return word.limit == nil ? 0 : startOfSums(integers)
}
