#if KERNELS_V3 || KERNELS_V4
    import CPUShim
    import SIMDKernelTable
    import _Builtin_intrinsics.intel

    /// What AMX's tiles hold of both factors of a product.
    enum TileFactor {
        /// Integers: unsigned ones of rows, with a zero of their row's, and signed ones of weights.
        case bytes
        case brains
        /// Float32 as three bfloat16 that add up to it, each of eight of its 24 bits.
        case floats

        /// Tiles that 16 rows, or columns, of a step take.
        @inline(__always) var parts: Int { self == .floats ? 3 : 1 }
        /// Depth of a step.
        @inline(__always) var stepDepth: Int { self == .bytes ? 64 : 32 }
        /// Of a number.
        @inline(__always) var byteSize: Int { self == .bytes ? 1 : 2 * parts }

        /// How many bytes of tiles sixteen rows of a depth take.
        @inline(__always) func byteCount(_ depth: Int) -> Int { 16 * depth * byteSize }

        /// Where a row of a block of a depth begins.
        @inline(__always) func offset(ofRow row: Int, _ depth: Int) -> Int {
            row / 16 * byteCount(depth) + row % 16 * 64
        }

        /// The depth of whole steps.
        @inline(__always) func tiledDepth(_ depth: Int) -> Int { (depth + stepDepth - 1) / stepDepth * stepDepth }

        /// Numbers of a row that are bfloat16 already.
        @inline(__always) func move(
            _ row: UnsafePointer<UInt16>, _ count: Int, into tile: UnsafeMutableRawPointer, _ depth: Int
        ) {
            var target = tile
            var first = 0
            while first < depth {
                if first + stepDepth <= count {
                    let source = UnsafeRawPointer(row + first).assumingMemoryBound(to: Float.self)
                    for part in 0..<16 / lanes {
                        store(load(source + part &* lanes), target.assumingMemoryBound(to: Float.self) + part &* lanes)
                    }
                } else {
                    let halves = target.assumingMemoryBound(to: UInt16.self)
                    for index in 0..<stepDepth { halves[index] = first + index < count ? row[first + index] : 0 }
                }
                target += 1024
                first += stepDepth
            }
        }

        /// Rounds a row's numbers, 64 bytes to a tile, with what zeros become up to `depth`.
        @inline(__always) func round(
            _ row: UnsafePointer<Float>, _ count: Int, scale: Float, zero: Int32,
            into tile: UnsafeMutableRawPointer, _ depth: Int
        ) {
            let scales = splat(scale)
            var target = tile
            var first = 0
            while first < depth {
                var index = 0
                while index < stepDepth {
                    let inside = count - first - index
                    let x =
                        inside >= lanes
                        ? load(row + (first + index)) : load(row + (first + index), first: inside > 0 ? inside : 0)
                    switch self {
                    case .bytes:
                        let value = rounded(x, scales, zero: zero)
                        let bytes = target.assumingMemoryBound(to: UInt8.self) + index
                        for lane in 0..<lanes { bytes[lane] = UInt8(truncatingIfNeeded: value[lane]) }
                    case .brains: storeTileBrain(x, target + 2 * index)
                    case .floats:
                        // What is left each time has eight bits less. Of an infinity that is NaN.
                        var rest = x
                        for part in 0..<parts {
                            storeTileBrain(rest, target + (2 * index + 1024 * part))
                            rest -= vector(brainWords(rest) &<< Bits(repeating: 16))
                        }
                    }
                    index += lanes
                }
                target += 1024 * parts
                first += stepDepth
            }
        }
    }

    /// Subnormal numbers may become zero; products take them as such anyway.
    @inline(__always) func storeTileBrain(_ x: Vector, _ target: UnsafeMutableRawPointer) {
        #if KERNELS_V4
            let brains = xlsr_round_to_brain(x)
            target.storeBytes(of: brains, as: type(of: brains))
        #else
            storeBrain(x, target.assumingMemoryBound(to: UInt16.self))
        #endif
    }

    /// The bfloat16 nearest to each lane, in its lower half; zeros above.
    @inline(__always) private func brainWords(_ x: Vector) -> Bits {
        #if KERNELS_V4
            unsafeBitCast(_mm512_cvtepu16_epi32(xlsr_round_to_brain(x)), to: Bits.self)
        #else
            brainBits(x) & Bits(repeating: 0xFFFF)
        #endif
    }

    /// A part of the panels of a strip of columns as tiles of parts of float32, `[depth / 32][3][16][32 columns][2]`.
    /// - Parameters:
    ///   - first: the panel of the first columns, and `last`: that of the last ones.
    ///   - count: rows of the panels that are there; zeros follow.
    @inline(never) func splitPanels(
        _ first: UnsafePointer<Float>, _ last: UnsafePointer<Float>, _ count: Int, _ depth: Int,
        into result: UnsafeMutablePointer<Int32>
    ) {
        var target = result
        var row = 0
        while row < depth {
            for _ in 0..<16 {
                var column = 0
                while column < ProductTask.tileSpan {
                    let panel = (column < tileColumns ? first : last) + column % tileColumns
                    var even = row < count ? load(panel + row &* tileColumns) : splat(0)
                    var odd = row &+ 1 < count ? load(panel + (row &+ 1) &* tileColumns) : splat(0)
                    for part in 0..<3 {
                        let (lower, upper) = (brainWords(even), brainWords(odd) &<< Bits(repeating: 16))
                        store(lower | upper, target + (512 &* part &+ column))
                        even -= vector(lower &<< Bits(repeating: 16))
                        odd -= vector(upper)
                    }
                    column += lanes
                }
                target += ProductTask.tileSpan
                row += 2
            }
            target += 1024
        }
    }
#endif
