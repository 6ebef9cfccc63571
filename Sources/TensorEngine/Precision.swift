/// What a model's numbers are stored as. Sums, norms and softmax are float32 or better whatever it is.
public struct Precision: Hashable, Sendable {
    /// The large matrices.
    public let weights: DType
    public let activations: DType
    /// Whether products of float32 round their factors to TF32's ten bits of fraction, on a backend that was opened so.
    public let usesTF32: Bool

    public init(weights: DType, activations: DType = .float32, usesTF32: Bool = false) {
        self.weights = weights
        self.activations = activations
        self.usesTF32 = usesTF32
    }

    /// "f32", "tf32", "bf16", "f16" or "int8".
    public var name: String { usesTF32 ? "tf32" : weights.rawValue }

    public static let float32 = Precision(weights: .float32)
    /// float32, but for the factors of products.
    public static let tf32 = Precision(weights: .float32, usesTF32: true)
    public static let bfloat16 = Precision(weights: .bfloat16)
    public static let float16 = Precision(weights: .float16)
    /// One scale a row of a matrix, symmetric.
    public static let int8 = Precision(weights: .int8)

    /// Weights that a few outputs hang on stay in bfloat16 where the others are int8.
    public var sensitiveWeights: DType { weights == .int8 ? .bfloat16 : weights }
}
