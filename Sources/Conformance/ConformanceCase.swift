import TensorEngine

/// One operation on one set of operands: what tests check on every device, what the benchmarks time and what
/// `xlsr verify` runs.
///
///     let operation = try testCase.prepare(on: backend)   // uploads, packs weights
///     let result = try operation()                        // the part to time
public struct ConformanceCase: Sendable {
    public enum Size: Sendable {
        /// Sizes at the edges of kernels, odd values; all of them take seconds even in a debug build.
        case small
        /// The shapes of XLS-R.
        case large
    }

    /// Runs the operation on operands that are already on the device. The same result each time.
    public typealias Operation = () throws -> Tensor

    /// The requirement of `Backend` that the case is about.
    public let operation: String
    /// The sizes in words; unique within the operation.
    public let name: String
    public let size: Size
    /// Multiply-adds of a product, two floating-point operations each; 0 for other operations.
    public let multiplyAddCount: Int
    /// Float operations of the whole case, for GFLOP/s; activations and the like don't count.
    public var floatingPointOperationCount: Int { 2 * multiplyAddCount }
    public let tolerance: Tolerance
    /// Rows of the result that the contract defines; nil for all.
    public let definedRows: [Int]?
    let makeInputs: @Sendable (inout RandomSource) -> [HostArray]
    let bind: @Sendable ([Tensor]) throws -> Operation
    /// The sum of each column of the result, in Double, where that is cheap to know: for plain products.
    let columnSums: (@Sendable ([HostArray]) -> [Double])?

    package init(
        _ operation: String, _ name: String, _ size: Size = .small, multiplyAdds: Int = 0, tolerance: Tolerance,
        definedRows: [Int]? = nil, columnSums: (@Sendable ([HostArray]) -> [Double])? = nil,
        inputs: @escaping @Sendable (inout RandomSource) -> [HostArray],
        bind: @escaping @Sendable ([Tensor]) throws -> Operation
    ) {
        self.operation = operation
        self.name = name
        self.size = size
        self.multiplyAddCount = multiplyAdds
        self.tolerance = tolerance
        self.definedRows = definedRows
        self.makeInputs = inputs
        self.bind = bind
        self.columnSums = columnSums
    }

    /// The operands, the same in every process.
    public func inputs() -> [HostArray] {
        var random = RandomSource(
            seed: (operation + name).utf8.reduce(14_695_981_039_346_656_037) {
                ($0 ^ UInt64($1)) &* 1_099_511_628_211  // FNV-1a
            })
        return makeInputs(&random)
    }

    /// Brings the operands to the device.
    public func prepare(on backend: any Backend) throws -> Operation { try prepare(inputs(), on: backend) }

    /// Brings these operands, which `inputs()` made, to the device.
    public func prepare(_ inputs: [HostArray], on backend: any Backend) throws -> Operation {
        try bind(inputs.map { try Tensor($0, on: backend) })
    }

    /// Bytes that the operation must at least read and write, for GB/s.
    public func byteCount(inputs: [HostArray], result: Tensor) -> Int {
        inputs.reduce(result.shape.count * result.dtype.byteSize) { $0 + $1.byteRange.count }
    }
}

extension ConformanceCase: CustomStringConvertible {
    public var description: String { "\(operation) \(name)" }
}

extension ConformanceCase {
    /// Every case of every operation.
    public static let all: [ConformanceCase] =
        elementwiseCases + reductionCases + conversionCases + movementCases + matmulCases + linearCases
        + normCases + softmaxCases + convolutionCases + groupedConvolutionCases + attentionCases
        + rowAttentionCases + appendCases + narrowCases

    public static func all(_ size: Size) -> [ConformanceCase] { all.filter { $0.size == size } }

    /// An oracle that computes sampled rows of products above 10⁸ multiply-adds.
    public static func makeOracle() -> ReferenceBackend { ReferenceBackend(multiplyAddLimit: 100_000_000) }
}
