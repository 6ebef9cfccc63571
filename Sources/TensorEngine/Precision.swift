/// What a model's numbers are stored as. Sums, norms and softmax are float32 or better whatever it is.
public struct Precision: Hashable, Sendable {
    /// The large matrices.
    public let weights: DType
    /// Whether products of float32 round their factors to TF32's ten bits of fraction, on a backend that was opened so.
    public let usesTF32: Bool

    public init(weights: DType, usesTF32: Bool = false) {
        self.weights = weights
        self.usesTF32 = usesTF32
    }

    /// Of its `name`; nil for anything else.
    public init?(_ name: String) {
        let known: [Precision] = [.float32, .tf32, .bfloat16, .float16, .int8]
        guard let precision = known.first(where: { $0.name == name }) else { return nil }
        self = precision
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
