import CPUShim
import SIMDKernelTable

// What the instruction set can do at best, for benchmarks: loops that do one thing and nothing else.

/// As many independent chains as the register tile has sums: enough to hide the latency of a product and a sum, and few
/// enough to stay in registers.
@inline(__always) var chainCount: Int { 2 * tileRows }

/// `vᵢ = ¾ vᵢ + ½` over and over, in registers; tends to 2, so that numbers stay ordinary.
/// `values` holds `KernelTable.chainValueCount` floats. Returns how many floating-point operations that was.
@inline(never) func multiplyAddChains(_ values: UnsafeMutablePointer<Float>, _ iterations: Int) -> Int {
    let (factor, term) = (splat(0.75), splat(0.5))
    var chains = tile(of: splat(0))
    for index in 0..<chainCount { chains[index] = load(values + index &* lanes) }
    for _ in 0..<iterations {
        for index in 0..<chainCount { chains[index] = multiplyAdd(chains[index], factor, term) }
    }
    for index in 0..<chainCount { store(chains[index], values + index &* lanes) }
    return 2 * chainCount * lanes * iterations
}

#if KERNELS_V3 || KERNELS_V4 || arch(arm64)
    /// Ones of bfloat16; of bytes whatever that is. Zeros would be multiplied faster than other numbers.
    private let wordOfOnes: Int32 = 0x3F80_3F80

    /// Dot products of one kind over and over, in registers. Returns how many operations that was.
    @inline(__always) func wordChains(_ word: Word, _ values: UnsafeMutablePointer<Float>, _ iterations: Int) -> Int {
        let ones = Bits(repeating: wordOfOnes)
        var chains = tile(of: Bits(repeating: 0))
        for _ in 0..<iterations {
            // By what changes, or the products of bytes would be taken out of the loop.
            for index in 0..<chainCount {
                chains[index] = word.dot(chains[index], wordOfOnes, word.isInteger ? chains[index] : ones)
            }
        }
        for index in 0..<chainCount { store(vector(chains[index]), values + index &* lanes) }
        return 2 * chainCount * lanes * word.count * iterations
    }

    /// Those that are asked for.
    @inline(never) func dotChains(
        _ dot: KernelTable.Dot, _ values: UnsafeMutablePointer<Float>, _ iterations: Int
    ) -> Int {
        switch dot {
        case .bytes: return wordChains(.bytes, values, iterations)
        #if KERNELS_V3 || KERNELS_V4
            case .bytePairs: return wordChains(.bytePairs, values, iterations)
            case .shorts: return wordChains(.shorts, values, iterations)
            case .shortPairs: return wordChains(.shortPairs, values, iterations)
        #endif
        #if KERNELS_V4
            case .brains: return wordChains(.brains, values, iterations)
        #endif
        #if !KERNELS_V4
            default: return 0
        #endif
        }
    }
#endif

#if KERNELS_V3 || KERNELS_V4
    /// Four products of tiles over and over. `values` holds `ProductTask.tileSpan` squared.
    @inline(never) func tileChains(
        _ type: PanelType, _ values: UnsafeMutablePointer<Float>, _ iterations: Int
    ) -> Int {
        for index in 0..<256 { values[index] = Float(bitPattern: UInt32(bitPattern: wordOfOnes)) }
        xlsr_tiles_begin()
        xlsr_tiles_clear_sums()
        xlsr_tiles_load_left(values, values)
        xlsr_tiles_load_right(values, values, 64)
        for _ in 0..<iterations {
            if type == .int8 { xlsr_tiles_multiply_bytes() } else { xlsr_tiles_multiply_brain() }
        }
        xlsr_tiles_store_sums(values, 4 * ProductTask.tileSpan)
        xlsr_tiles_end()
        // Of float32 six products make one.
        return 2 * 4 * 16 * 16 * type.tileDepth * iterations / (type == .float32 ? 6 : 1)
    }
#endif

/// The sum of `count` floats: as fast as they can be read.
@inline(never) func sumOfAll(_ x: UnsafePointer<Float>, _ count: Int) -> Float {
    var chains = tile(of: splat(0))
    var index = 0
    while index + chainCount * lanes <= count {
        for chain in 0..<chainCount { chains[chain] += load(x + (index &+ chain &* lanes)) }
        index += chainCount * lanes
    }
    var total = splat(0)
    for chain in 0..<chainCount { total += chains[chain] }
    var rest: Float = 0
    while index < count {
        rest += x[index]
        index += 1
    }
    return sum(total) + rest
}
