import TensorEngine

/// How far an element may be from the oracle's: `relativeToLargest · max |expected| + relative · |expected|`.
///
/// This file is the one table of tolerances. Its figures hold for operations computed in float32 (unit roundoff
/// u = 6·10⁻⁸) with sums in any order; each is a few times what such a computation needs in theory and about a
/// hundredth of what a dropped term, a wrong tap or half precision would give.
public struct Tolerance: Sendable {
    public let relativeToLargest: Float
    public let relative: Float
    /// Of a product, whose activations a device may round as it likes its weights.
    package let weights: DType
    /// How many such products follow each other.
    private let productCount: Int
    private var isOfWeightAlone = false
    /// Whether NaN may stand for an infinity: rows that share a scale have none, and parts of an infinity's product may
    /// differ in sign.
    private(set) var allowsNaNForInfinity = false

    init(relativeToLargest: Float, relative: Float, weights: DType = .float32, productCount: Int = 1) {
        (self.relativeToLargest, self.relative) = (relativeToLargest, relative)
        (self.weights, self.productCount) = (weights, productCount)
    }

    /// Only moves, conversions and single correctly rounded operations.
    public static let exact = Tolerance(relativeToLargest: 0, relative: 0)

    /// A weight as a device keeps it.
    static func weight(_ type: DType) -> Tolerance {
        var result = Tolerance(relativeToLargest: 0, relative: 0, weights: type)
        result.isOfWeightAlone = true
        return result
    }

    /// One division or root that may be an approximation with a Newton step: a few u.
    public static let quotient = Tolerance(relativeToLargest: 0, relative: 4e-7)

    /// Polynomial approximations good to some units in the last place, and differences from 1 in float32, which cost
    /// an absolute u where the result is small.
    public static let function = Tolerance(relativeToLargest: 2e-7, relative: 2e-6)

    /// A sum of `depth` products of random signs: rounding errors grow as √depth·u against a result that grows as
    /// √depth, and the longest chain of partial sums adds another √depth. Float32 sums in index order, the worst order
    /// in use, were measured at a quarter of this for depths of 1024 to 8192.
    ///
    /// With int8 weights, activations may be rounded to 16 bits a row, half a step of 2⁻¹⁵ of the row's largest: at
    /// random signs about 10⁻⁵ of the largest result.
    public static func product(depth: Int, weights: DType = .float32) -> Tolerance {
        let rounding: Float = weights == .int8 ? 4e-5 : 0
        var result = Tolerance(
            relativeToLargest: 1e-6 + 1e-7 * Float(depth).squareRoot() + rounding, relative: 0, weights: weights)
        result.allowsNaNForInfinity = true
        return result
    }

    /// Of a result that is stored as `type`: a step of it, since float32 sums on both sides of a tie end that far
    /// apart; and as much of the largest where a device may round before bias and activation too.
    func stored(as type: DType, beforeActivation: Bool = false) -> Tolerance {
        let step: Float = type == .bfloat16 ? 0x1p-7 : 0x1p-10
        return Tolerance(
            relativeToLargest: relativeToLargest + (beforeActivation ? step : 0), relative: relative + step,
            weights: weights, productCount: productCount)
    }

    /// What is allowed on a device that says what it rounds activations to. Half a step is 2⁻⁹ of each number in
    /// bfloat16, 2⁻¹² in float16, 1/254 to 1/128 of the row's largest in int8; at random signs the largest of many
    /// errors is a few times that of the largest result. That nothing else is wrong, tests of such devices show with
    /// activations that needn't be rounded. Attention has two products, the first of which is exponentiated: twice
    /// that. A weight alone is rounded only as integers of 16 bits are.
    func on(_ backend: any Backend) -> Tolerance {
        let activations = backend.activationType(forWeights: weights)
        let rounding: Float =
            switch activations {
            case .float16: 5e-4
            case .bfloat16 where !isOfWeightAlone: 4e-3
            case .int8 where !isOfWeightAlone: 1e-2
            default: 0
            }
        var result = Tolerance(
            relativeToLargest: relativeToLargest + rounding * Float(productCount), relative: relative, weights: weights,
            productCount: productCount)
        result.allowsNaNForInfinity = allowsNaNForInfinity || activations == .float16 || activations == .int8
        return result
    }

    /// Mean and variance in two passes, a root, a quotient. With a mean of 17 deviations, 513 float32 numbers summed
    /// one after the other err by 0.7 of this, and variance as mean square less squared mean by 20 times this.
    public static let norm = Tolerance(relativeToLargest: 1e-5, relative: 0)

    /// Exponentials of differences of up to some tens, whose rounding is a relative error of the result.
    public static let softmax = Tolerance(relativeToLargest: 1e-6, relative: 5e-6)

    /// Scores of up to about ten with errors of some u each, then a convex mean, whose weights a device may round as it
    /// does its factors.
    public static func attention(factors: DType = .float32) -> Tolerance {
        Tolerance(relativeToLargest: 8e-6, relative: 0, weights: factors, productCount: 2)
    }

    func allowed(_ expected: Float, largest: Float) -> Float {
        guard relative > 0 || relativeToLargest > 0 else { return 0 }
        // Devices may flush subnormal results to zero.
        return relativeToLargest * largest + relative * expected.magnitude + .leastNormalMagnitude
    }
}
