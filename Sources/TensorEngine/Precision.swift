/// What a model's numbers are stored as. Sums, norms and softmax are float32 or better whatever it is.
public struct Precision: Hashable, Sendable {
    /// The large matrices.
    public let weights: DType
    public let activations: DType

    public init(weights: DType, activations: DType = .float32) {
        self.weights = weights
        self.activations = activations
    }

    public static let float32 = Precision(weights: .float32)
    public static let bfloat16 = Precision(weights: .bfloat16)
    public static let float16 = Precision(weights: .float16)
    /// One scale a row of a matrix, symmetric.
    public static let int8 = Precision(weights: .int8)

    /// Weights that a few outputs hang on stay in bfloat16 where the others are int8.
    public var sensitiveWeights: DType { weights == .int8 ? .bfloat16 : weights }
}
