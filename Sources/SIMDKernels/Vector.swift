#if KERNELS_V3 || KERNELS_V4
    import _Builtin_intrinsics.intel
#elseif arch(arm64)
    import CPUShim
#endif

// The width of a vector and the shape of the product's register tile, by instruction set.
#if KERNELS_V4
    /// 32 registers of 16: a tile of 14 × 2 leaves four for the panel and the broadcasts.
    typealias Vector = SIMD16<Float>
    typealias Bits = SIMD16<Int32>
    typealias Halves = SIMD32<Int16>
    let tileRows = 14
#elseif KERNELS_V3
    /// 16 registers of 8: a tile of 6 × 2 leaves four.
    typealias Vector = SIMD8<Float>
    typealias Bits = SIMD8<Int32>
    typealias Halves = SIMD16<Int16>
    let tileRows = 6
#else
    /// SSE2 and NEON, which every processor of its kind has: 16 registers of 4, and 32.
    typealias Vector = SIMD4<Float>
    typealias Bits = SIMD4<Int32>
    typealias Halves = SIMD8<Int16>
    #if arch(arm64)
        let tileRows = 12
    #else
        let tileRows = 6
    #endif
#endif

@inline(__always) var lanes: Int { Vector.scalarCount }
@inline(__always) var tileColumns: Int { 2 * Vector.scalarCount }

/// `a · b + c`, fused where the instruction set can. Without FMA `addingProduct` is a call of `fmaf` a lane; with it,
/// it still is sixteen lanes that the optimiser must find together, and it moves them about while it does.
@inline(__always) func multiplyAdd(_ a: Vector, _ b: Vector, _ c: Vector) -> Vector {
    #if KERNELS_V4
        _mm512_fmadd_ps(a, b, c)
    #elseif KERNELS_V3
        _mm256_fmadd_ps(a, b, c)
    #elseif arch(arm64)
        c.addingProduct(a, b)
    #else
        a * b + c
    #endif
}

/// The same with one number in all lanes of `a`.
@inline(__always) func multiplyAdd(_ a: Float, _ b: Vector, _ c: Vector) -> Vector {
    #if arch(arm64)
        xlsr_multiply_add(c, a, b)
    #else
        multiplyAdd(splat(a), b, c)
    #endif
}

@inline(__always) func splat(_ value: Float) -> Vector { Vector(repeating: value) }

/// Twelve of one. A literal: `init(repeating:)` is a generic of the library, which may become a weak symbol.
typealias Twelve<Lanes> = InlineArray<12, Lanes>
@inline(__always) func twelve<Lanes>(_ z: Lanes) -> Twelve<Lanes> { [z, z, z, z, z, z, z, z, z, z, z, z] }

@inline(__always) func load(_ pointer: UnsafePointer<Float>) -> Vector {
    UnsafeRawPointer(pointer).loadUnaligned(as: Vector.self)
}

@inline(__always) func store(_ value: Vector, _ pointer: UnsafeMutablePointer<Float>) {
    UnsafeMutableRawPointer(pointer).storeBytes(of: value, as: Vector.self)
}

/// The first `count` lanes, the others `fill`.
@inline(__always) func load(_ pointer: UnsafePointer<Float>, first count: Int, fill: Float = 0) -> Vector {
    var value = splat(fill)
    for lane in 0..<count { value[lane] = pointer[lane] }
    return value
}

@inline(__always) func store(_ value: Vector, _ pointer: UnsafeMutablePointer<Float>, first count: Int) {
    for lane in 0..<count { pointer[lane] = value[lane] }
}

@inline(__always) func bits(_ value: Vector) -> Bits { unsafeBitCast(value, to: Bits.self) }
@inline(__always) func vector(_ value: Bits) -> Vector { unsafeBitCast(value, to: Vector.self) }

/// The bits without the sign, which as integers have the order of the magnitudes, infinity and NaN above all.
@inline(__always) func magnitude(_ x: Vector) -> Bits { bits(x) & Bits(repeating: 0x7FFF_FFFF) }

/// The larger of both; `b` where either is NaN.
@inline(__always) func larger(_ a: Vector, _ b: Vector) -> Vector { b.replacing(with: a, where: a .> b) }
@inline(__always) func smaller(_ a: Vector, _ b: Vector) -> Vector { b.replacing(with: a, where: a .< b) }

/// All lanes to one, half upon half: as many steps as a lane number has bits, each of whole vectors.
@inline(__always) func fold(_ value: Vector, _ body: (Vector, Vector) -> Vector) -> Float {
    var result = value
    var width = lanes / 2
    while width > 0 {
        var other = result
        for lane in 0..<lanes { other[lane] = result[lane ^ width] }
        result = body(result, other)
        width /= 2
    }
    return result[0]
}

@inline(__always) func sum(_ value: Vector) -> Float { fold(value) { $0 + $1 } }
@inline(__always) func largest(_ value: Vector) -> Float { fold(value) { larger($0, $1) } }
