/// What a device must be able to do, and what it may do faster.
///
/// A backend is an in-order queue of operations over the storages of one pool. Every operation writes its result
/// where it is told (`into:`): a fresh tensor of the right shape that nothing else holds and that the operation
/// never reads. Shapes and element types were checked by the `Tensor` method that called, so a backend needn't.
/// A call may return before the work is done; `download` and `synchronize` wait, and throw what went wrong before.
///
/// **Required**: memory and the primitives. **Fused**: requirements with default bodies made of primitives, so that
/// a new backend works with the primitives alone and becomes fast operation by operation.
/// Unless said otherwise, operands are float32; sums, norms and softmax are computed in float32 or better.
/// Calls from several threads at once are safe.
public protocol Backend: AnyObject, Sendable {
    var device: Device { get }
    /// What the device is, for people: "AVX2, 2 threads".
    var summary: String { get }
    var pool: StoragePool { get }
    /// How often each kind of work was done; tests prove by it that a fast path ran.
    var counters: Counters { get }
    /// What one intermediate result should take at most where the rows of a chain of operations can be cut into tiles:
    /// about what a cache holds, or, where small launches would leave the device idle, much more.
    var tileByteCount: Int { get }
    /// How many batches to keep under way: 2 where calls return before the work is done, so that the next one is
    /// queued, samples and all, while the host waits for the last one. By default 1.
    var batchesUnderWay: Int { get }
    /// Whether products of float32 round their factors to TF32. By default they don't.
    var usesTF32: Bool { get }

    /// What products with weights of a type round activations to, as they say that they do; by default not at all,
    /// float32.
    func activationType(forWeights dtype: DType) -> DType
    /// What `linear` with weights of a type reads fastest, by default float32. Where it is that type, `linear` gets
    /// such an x too, and `layerNorm`, `attention` and `linear` get such results to write: rounded to nearest even,
    /// what float16 can't hold as its largest number.
    func inputType(forWeights dtype: DType) -> DType

    // MARK: Memory and order

    /// Copies host bytes to the beginning of a storage; the source may change afterwards.
    /// - Precondition: the storage holds as many.
    func upload(_ bytes: UnsafeRawBufferPointer, into storage: Storage) throws
    /// Waits for the work before it and copies the beginning of a storage to the host.
    /// - Precondition: the storage holds as many bytes.
    func download(_ storage: Storage, into bytes: UnsafeMutableRawBufferPointer) throws
    /// Where the host may read and write a storage in place once `synchronize` has returned; nil, the default, where
    /// its memory is the device's alone.
    func hostAddress(of storage: Storage) -> UnsafeMutableRawPointer?
    /// Waits for all work.
    func synchronize() throws

    // MARK: Primitives

    /// `result[i] = value`. Derivative: none.
    func fill(_ value: Float, into result: Tensor) throws
    /// The same numbers in another element type, rounded to nearest even, int8 saturating at ±127 and NaN as 0 there.
    /// Between f32, f16 and bf16; f32 ↔ int8; int32 → f32.
    func convert(_ x: Tensor, into result: Tensor) throws
    /// `result[i] = f(x[i])`, by `UnaryKind`, which also says the derivative.
    func unary(_ kind: UnaryKind, _ x: Tensor, into result: Tensor) throws
    /// `result[i] = a[i] ∘ b[j]`, with `b` as large as `a`, a row `[columns]`, a column `[rows, 1]` or one element.
    func binary(_ kind: BinaryKind, _ a: Tensor, _ b: Tensor, into result: Tensor) throws
    /// Over the last axis: `[…, n]` → `[…, 1]`.
    func reduce(_ kind: ReduceKind, _ x: Tensor, into result: Tensor) throws
    /// The index of the largest element of each row, the first of equals: `[…, n]` → int32 `[…]`. A NaN wins.
    func argmax(_ x: Tensor, into result: Tensor) throws
    /// `result[i] = a[i] · b[i]`: `[batch, m, k]` × `[batch, k, n]`, or × `[batch, n, k]` when `transposed`.
    /// Derivatives: `da = dy · bᵀ`, `db = aᵀ · dy`.
    func matmul(_ a: Tensor, _ b: Tensor, transposed: Bool, into result: Tensor) throws
    /// Reorders up to four axes: axis i of the result is axis `axes[i]` of `x`. Derivative: the inverse order.
    func permute(_ x: Tensor, axes: [Int], into result: Tensor) throws
    /// The rows of the parts under each other. Derivative: each part's rows.
    func concatenate(_ parts: [Tensor], into result: Tensor) throws
    /// Row i of the result is row `indices[i]` of `x` `[rows, columns]`, zeros for -1. Derivative: `scatterAdd`.
    func gather(_ x: Tensor, rows indices: Tensor, into result: Tensor) throws
    /// Adds row i of `x` to row `indices[i]` of the zeroed result; -1 drops it. Derivative: `gather`.
    func scatterAdd(_ x: Tensor, rows indices: Tensor, into result: Tensor) throws

    // MARK: Weights

    /// Brings a float32 weight into the form that this device's products read fastest, its numbers as `dtype`:
    /// rounded to nearest even, or for int8 as `Tensor.quantized` says.
    func prepare(_ weight: Tensor, for use: WeightUse, as dtype: DType) throws -> PreparedWeight
    /// The same of a weight for linear layers where a checkpoint stores it, without a copy in float32 where the device
    /// can do without. int8 prepared as int8 keeps its integers. Has a default body.
    func prepare(_ weight: StoredWeight, as dtype: DType) throws -> PreparedWeight
    /// The dense weight that was prepared, as rounded.
    func dense(_ weight: PreparedWeight) throws -> Tensor

    // MARK: Fused, with default bodies

    func linear(
        _ x: Tensor, _ weight: PreparedWeight, bias: Tensor?, activation: UnaryKind?, residual: Tensor?,
        into result: Tensor) throws
    func layerNorm(_ x: Tensor, _ norm: Normalization, activation: UnaryKind?, into result: Tensor) throws
    func softmax(_ x: Tensor, logarithm: Bool, into result: Tensor) throws
    func channelStatistics(_ x: Tensor, segments: Segments, into result: Tensor) throws
    func channelNorm(
        _ x: Tensor, segments: Segments, statistics: Tensor, _ norm: Normalization, activation: UnaryKind?,
        into result: Tensor) throws
    func convolution(
        _ x: Tensor, _ weight: PreparedWeight, bias: Tensor?, window: ConvolutionWindow, norm: Normalization?,
        activation: UnaryKind?, into result: Tensor) throws
    func groupedConvolution(
        _ x: Tensor, _ weight: PreparedWeight, bias: Tensor?, segments: Segments, activation: UnaryKind?,
        into result: Tensor) throws
    func attention(
        _ queryKeyValue: Tensor, heads: Int, segments: Segments, precision: DType, into result: Tensor) throws
    func rowAttention(
        _ query: Tensor, _ keyValues: Tensor, rows: AttendedRows, heads: Int, into result: Tensor) throws
    /// Writes the rows of `x` over those of `cache` from `row` on: the one operation that may change a tensor, which
    /// nobody else holds, in place. A default body puts another tensor there instead.
    func append(_ x: Tensor, at row: Int, of cache: inout Tensor) throws
    /// Says what will run soon: attention with heads of that size and weights of that precision. A device that compiles
    /// its kernels may do so for all of these at once; nothing else depends on it. A default body does nothing.
    func compileAhead(headSize: Int, precision: Precision)
    /// What `body` makes of the rows of some utterances, `[rows, …]`, or what was recorded of it.
    ///
    /// The body makes each utterance's rows of its results from the same utterance's rows of `x`, by operations that
    /// the region, the rows and the number of utterances decide, of which none exchanges anything with the host.
    /// Whatever else they read lives as long as the region. A device may add rows that nobody sees, as one more
    /// utterance.
    func captured(
        _ region: CaptureRegion, _ x: Tensor, segments: Segments, _ body: (Tensor, Segments) throws -> [Tensor]
    ) throws -> [Tensor]
}

extension Backend {
    /// 32 MB.
    public var tileByteCount: Int { 32 << 20 }
    public var batchesUnderWay: Int { 1 }
    public var usesTF32: Bool { false }
    public func hostAddress(of storage: Storage) -> UnsafeMutableRawPointer? { nil }
    public func compileAhead(headSize: Int, precision: Precision) {}

    public func activationType(forWeights dtype: DType) -> DType { .float32 }
    public func inputType(forWeights dtype: DType) -> DType { .float32 }

    /// Throws unless the tensor lives on this backend.
    func check(_ tensors: Tensor?..., operation: String) throws {
        for case let tensor? in tensors where tensor.backend !== self {
            throw TensorError(
                .invalidArgument, operation: operation, "an operand lives on \(tensor.backend.device)", device: device,
                remedy: "move it by Tensor(x.hostArray(), on: backend)")
        }
    }
}
