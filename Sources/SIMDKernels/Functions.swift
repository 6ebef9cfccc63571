import SIMDKernelTable

/// `eˣ` for -87 ≤ x ≤ 88, clamped below: `2ⁿ · e^r` with |r| ≤ ln 2 / 2 and a polynomial of degree 6,
/// to 2 units in the last place.
///
/// Transparent, since the compiler doesn't follow `@inline(__always)` here, and a call a vector takes as long as the
/// function.
@_transparent func exponentialCore(_ x: Vector) -> Vector {
    let clamped = larger(x, splat(-87))
    // Adding 1.5 · 2²³ rounds to an integer, which then lies in the low bits.
    let shifter = splat(12_582_912)
    let shifted = multiplyAdd(clamped, splat(1.442_695_04), shifter)
    let n = shifted - shifter
    let high = multiplyAdd(n, splat(-0.693_145_75), clamped)
    let r = multiplyAdd(n, splat(-1.428_606_8e-6), high)
    var p = multiplyAdd(r, splat(1.388_888_9e-3), splat(8.333_333_5e-3))
    p = multiplyAdd(p, r, splat(4.166_666_8e-2))
    p = multiplyAdd(p, r, splat(1.666_666_7e-1))
    p = multiplyAdd(p, r, splat(0.5))
    p = multiplyAdd(p, r, splat(1))
    p = multiplyAdd(p, r, splat(1))
    return vector(bits(p) &+ (bits(shifted) &<< Bits(repeating: 23)))
}

/// `eˣ` for every x: 0 below -87.3, ∞ above 88.7, NaN for NaN.
@inline(__always) func exponential(_ x: Vector) -> Vector {
    var y = exponentialCore(smaller(x, splat(88)))
    // Between 88 and 88.72 in two steps, so that no intermediate overflows.
    let rest = larger(smaller(x - splat(88), splat(1)), splat(0))
    y = y * exponentialCore(rest)
    y = y.replacing(with: splat(.infinity), where: x .> splat(88.722_84))
    y = y.replacing(with: splat(0), where: x .< splat(-87.336_55))
    return y.replacing(with: x, where: x .!= x)
}

/// `eˣ` for x ≤ 0, NaN included: half the work.
@_transparent func exponentialBelowZero(_ x: Vector) -> Vector {
    let y = exponentialCore(x).replacing(with: splat(0), where: x .< splat(-87.336_55))
    return y.replacing(with: x, where: x .!= x)
}

/// `erf x` as `x · P(x²) / Q(x²)` for |x| ≤ 3.92, beyond which it is ±1 in float32.
/// A minimax fit of relative error 2e-8; 4e-7 with float32 arithmetic.
@inline(__always) func errorFunction(_ value: Vector) -> Vector {
    let x = larger(smaller(value, splat(3.92)), splat(-3.92))
    let u = x * x
    var p = multiplyAdd(u, splat(2.050_114_5e-6), splat(2.848_828_2e-4))
    p = multiplyAdd(p, u, splat(3.765_560_5e-3))
    p = multiplyAdd(p, u, splat(5.274_855e-2))
    p = multiplyAdd(p, u, splat(0.190_404_95))
    p = multiplyAdd(p, u, splat(1.128_379_1))
    var q = multiplyAdd(u, splat(3.809_200_6e-5), splat(1.162_524_5e-3))
    q = multiplyAdd(q, u, splat(1.496_910_0e-2))
    q = multiplyAdd(q, u, splat(0.114_108_51))
    q = multiplyAdd(q, u, splat(0.502_074_7))
    q = multiplyAdd(q, u, splat(1))
    // The quotient ends a rounding error short of 1, which a large `x` of GELU would magnify.
    let y = (x * p / q).replacing(with: splat(1), where: value .> splat(3.92))
    return y.replacing(with: splat(-1), where: value .< splat(-3.92))
}

/// `1 / (1 + e⁻ˣ)`
@inline(__always) func sigmoid(_ x: Vector) -> Vector {
    splat(1) / (splat(1) + exponential(splat(0) - x))
}

/// `tanh x = 1 - 2 / (e²ˣ + 1)`, by its series near zero, where that would cancel.
@inline(__always) func hyperbolicTangent(_ x: Vector) -> Vector {
    let bounded = larger(smaller(x, splat(10)), splat(-10))
    let far = splat(1) - splat(2) / (exponentialCore(bounded + bounded) + splat(1))
    let u = bounded * bounded
    var p = multiplyAdd(u, splat(-8.863_235_5e-3), splat(2.186_948_9e-2))
    p = multiplyAdd(p, u, splat(-5.396_825_4e-2))
    p = multiplyAdd(p, u, splat(0.133_333_33))
    p = multiplyAdd(p, u, splat(-0.333_333_33))
    let near = multiplyAdd(p * u, bounded, bounded)
    let y = far.replacing(with: near, where: u .< splat(0.09))
    return y.replacing(with: x, where: x .!= x)
}

/// `f` of every lane. The switch is resolved once a call of `apply`, not once an element.
@inline(__always) func apply(
    _ function: ElementFunction, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int
) {
    switch function {
    case .identity: map(x, y, count) { $0 }
    case .negate: map(x, y, count) { splat(0) - $0 }
    case .absolute: map(x, y, count) { vector(magnitude($0)) }
    case .square: map(x, y, count) { $0 * $0 }
    case .squareRoot: map(x, y, count) { $0.squareRoot() }
    case .reciprocal: map(x, y, count) { splat(1) / $0 }
    case .exponential: map(x, y, count) { exponential($0) }
    case .logarithm: map(x, y, count) { logarithm($0) }
    case .tanh: map(x, y, count) { hyperbolicTangent($0) }
    case .sigmoid: map(x, y, count) { sigmoid($0) }
    case .relu: map(x, y, count) { $0.replacing(with: splat(0), where: $0 .< splat(0)) }
    case .leakyRelu: map(x, y, count) { $0.replacing(with: $0 * splat(0.01), where: $0 .< splat(0)) }
    case .silu: map(x, y, count) { $0 * sigmoid($0) }
    case .gelu:
        map(x, y, count) {
            let half = $0 * splat(0.5)
            return multiplyAdd(half, errorFunction($0 * splat(0.707_106_77)), half)
        }
    case .geluTanh:
        map(x, y, count) {
            // (1 + tanh u) / 2 = σ(2u), which doesn't cancel where the tanh is near -1.
            $0 * sigmoid(multiplyAdd($0 * $0 * $0, splat(0.044_715), $0) * splat(1.595_769_1))
        }
    case .geluSigmoid: map(x, y, count) { $0 * sigmoid($0 * splat(1.702)) }
    }
}

@inline(__always) func map(
    _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int, _ body: (Vector) -> Vector
) {
    var index = 0
    while index + lanes <= count {
        store(body(load(x + index)), y + index)
        index += lanes
    }
    if index < count {
        store(body(load(x + index, first: count - index, fill: 1)), y + index, first: count - index)
    }
}

/// `ln x = n · ln 2 + ln m` with m in [√½, √2) and the series of `2 · artanh((m - 1) / (m + 1))`.
@inline(__always) func logarithm(_ x: Vector) -> Vector {
    // Subnormal numbers are scaled into the normal range first.
    let small = x .< splat(1.175_494_4e-38)
    let scaled = x.replacing(with: x * splat(8_388_608), where: small)
    let offset = bits(scaled) &- Bits(repeating: 0x3F35_04F3)
    let exponent = offset &>> Bits(repeating: 23)
    let m = vector(bits(scaled) &- (exponent &<< Bits(repeating: 23)))
    var n = splat(0)
    for lane in 0..<lanes { n[lane] = Float(exponent[lane]) }
    n = n.replacing(with: n - splat(23), where: small)
    let s = (m - splat(1)) / (m + splat(1))
    let u = s * s
    var p = multiplyAdd(u, splat(0.222_222_22), splat(0.285_714_3))
    p = multiplyAdd(p, u, splat(0.4))
    p = multiplyAdd(p, u, splat(0.666_666_7))
    let series = multiplyAdd(p * u, s, s + s)
    var y = multiplyAdd(n, splat(0.693_145_75), multiplyAdd(n, splat(1.428_606_8e-6), series))
    y = y.replacing(with: splat(-.infinity), where: x .== splat(0))
    y = y.replacing(with: splat(.nan), where: x .< splat(0))
    y = y.replacing(with: x, where: x .== splat(.infinity))
    return y.replacing(with: x, where: x .!= x)
}
