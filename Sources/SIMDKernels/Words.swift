#if KERNELS_V3 || KERNELS_V4 || arch(arm64)
    import CPUShim
#endif

/// What a lane of 32 bits holds of both factors, neighbours in depth, where they are multiplied at once.
enum Word {
    /// Two integers of 16 bits, whose products are added to the sums in a second step.
    case shortPairs
    #if KERNELS_V3 || KERNELS_V4 || arch(arm64)
        /// Four of 8 bits (VNNI, NEON's dot products).
        case bytes
    #endif
    #if KERNELS_V3 || KERNELS_V4
        /// The same in two steps, for processors without: neighbours' products add up within 16 bits.
        case bytePairs
        /// Two integers of 16 bits (VNNI).
        case shorts
    #else
        /// `shortPairs` for weights of bytes: the first and the third of a quad, or the others.
        case quadShorts
    #endif
    #if KERNELS_V4
        /// Two bfloat16, whose sums are float32 (AVX512_BF16).
        case brains
    #endif

    @inline(__always) var count: Int {
        #if KERNELS_V4
            return self == .brains || hasShortWeights ? 2 : 4
        #elseif KERNELS_V3
            return hasShortWeights ? 2 : 4
        #elseif arch(arm64)
            return self == .bytes ? 4 : 2
        #else
            return 2
        #endif
    }

    /// Whether it holds integers, to which activations are rounded by row.
    @inline(__always) var isInteger: Bool {
        #if KERNELS_V4
            return self != .brains
        #else
            return true
        #endif
    }

    /// Whether integers are bytes, with a zero of their row's.
    @inline(__always) var hasZero: Bool { isInteger && count == 4 }

    /// Whether weights are integers of 16 bits.
    @inline(__always) var hasShortWeights: Bool {
        #if KERNELS_V3 || KERNELS_V4
            return self == .shorts || self == .shortPairs
        #else
            return self == .shortPairs
        #endif
    }

    /// Whether weights are bytes.
    @inline(__always) var hasByteWeights: Bool { isInteger && !hasShortWeights }

    /// Words of a row: of whole quads where weights are bytes.
    @inline(__always) func words(_ depth: Int) -> Int {
        hasByteWeights ? (depth + 3) / 4 * (4 / count) : (depth + count - 1) / count
    }

    /// `rowScale` of a row whose bytes are to have so many steps.
    @inline(__always) func scale(_ row: UnsafePointer<Float>, _ count: Int, steps: Float) -> RowScale {
        guard isInteger else { return RowScale(toIntegers: 1, zero: 0, toFloats: 1) }
        guard !hasShortWeights else { return shortScale(row, count) }
        return rowScale(row, count, steps: hasZero ? steps : nil)
    }

    /// `sum` with the products of a word of activations and each lane's of weights added.
    @inline(__always) func dot(_ sum: Bits, _ word: Int32, _ b: Bits) -> Bits {
        let a = Bits(repeating: word)
        switch self {
        case .shortPairs: return sum &+ dotPairs(a, b)
        #if arch(arm64)
            case .bytes: return xlsr_dot_bytes(sum, Float(bitPattern: UInt32(bitPattern: word)), b)
        #endif
        #if KERNELS_V3 || KERNELS_V4
            case .bytes:
                return unsafeBitCast(
                    xlsr_dot_bytes(
                        unsafeBitCast(sum, to: xlsr_words.self), unsafeBitCast(a, to: xlsr_words.self),
                        unsafeBitCast(b, to: xlsr_words.self)), to: Bits.self)
            case .bytePairs: return sum &+ dotQuads(a, b)
            case .shorts:
                return unsafeBitCast(
                    xlsr_dot_shorts(
                        unsafeBitCast(sum, to: xlsr_words.self), unsafeBitCast(a, to: xlsr_words.self),
                        unsafeBitCast(b, to: xlsr_words.self)), to: Bits.self)
        #else
            case .quadShorts: return sum &+ dotPairs(a, b)
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
        _ x: Vector, _ scale: Vector, zero: Int32, _ result: UnsafeMutableRawPointer, first count: Int = lanes
    ) {
        switch self {
        case .shortPairs: storeShorts(x, scale, result, first: count)
        #if arch(arm64)
            case .bytes: storeBytes(x, scale, zero: zero, result, first: count)
        #endif
        #if KERNELS_V3 || KERNELS_V4
            case .bytes, .bytePairs: storeBytes(x, scale, zero: zero, result, first: count)
            case .shorts: storeShorts(x, scale, result, first: count)
        #else
            case .quadShorts:
                let value = rounded(x, scale, zero: zero)
                let shorts = result.assumingMemoryBound(to: Int16.self)
                for lane in 0..<count {
                    // The second and the third of four change places.
                    let place = lane & ~3 | (lane & 1) &<< 1 | (lane &>> 1) & 1
                    shorts[place] = Int16(truncatingIfNeeded: value[lane])
                }
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
        #endif
        }
    }
}

@inline(__always) private func storeBytes(
    _ x: Vector, _ scale: Vector, zero: Int32, _ result: UnsafeMutableRawPointer, first count: Int
) {
    let value = rounded(x, scale, zero: zero)
    let bytes = result.assumingMemoryBound(to: UInt8.self)
    for lane in 0..<count { bytes[lane] = UInt8(truncatingIfNeeded: value[lane]) }
}

@inline(__always) private func storeShorts(
    _ x: Vector, _ scale: Vector, _ result: UnsafeMutableRawPointer, first count: Int
) {
    let value = shortBits(x, scale)
    let shorts = result.assumingMemoryBound(to: Int16.self)
    for lane in 0..<count { shorts[lane] = Int16(truncatingIfNeeded: value[lane]) }
}

/// Rounds `count` numbers of a row; the last word, or quad, ends with what zeros become.
// Transparent: merely inlined always, it stayed a function, with instructions of processors that others call it on.
@_transparent func roundRow(
    _ row: UnsafePointer<Float>, _ scale: Float, zero: Int32, _ count: Int, _ word: Word,
    into result: UnsafeMutablePointer<Int32>
) {
    let scales = splat(scale)
    let byteSize = 4 / word.count
    let target = UnsafeMutableRawPointer(result)
    var index = 0
    while index + lanes <= count {
        word.store(load(row + index), scales, zero: zero, target + index &* byteSize)
        index += lanes
    }
    if index < count {
        let rest = count - index
        word.store(
            load(row + index, first: rest), scales, zero: zero, target + index * byteSize,
            first: word.words(rest) * word.count)
    }
}
