/// The kernels of one instruction set: what the dispatcher picks at run time.
///
/// Every entry works on plain pointers within one thread; who calls it splits the work. The types live in a module
/// of their own because all copies of the kernels (`SIMDKernels`, `SIMDKernelsV3`, …) share them.
public struct KernelTable: Sendable {
    /// "baseline", "AVX2", "AVX-512 + VNNI", "AVX-512 + AMX".
    public var name: String
    /// Rows of the left matrix that the product's register tile spans.
    public let tileRows: Int
    /// Columns that it spans: the width of a packed panel.
    public let tileColumns: Int

    public let product: @Sendable (borrowing ProductTask) -> Void
    /// What AMX's tiles compute, in a process that may use them; nil where there are no such kernels, or they aren't
    /// wanted.
    public var tiles: TileKernels?
    /// The same as `product` for `dotTypes` by dot products of neighbours in depth (VNNI, AVX512_BF16), with
    /// activations rounded to bfloat16 or to 8 or 16 bits a row; nil where there are no such kernels.
    public let dotProduct: (@Sendable (borrowing ProductTask) -> Void)?
    /// Types of panels that `dotProduct` is to multiply on this processor.
    public var dotTypes: [PanelType] = []
    /// Types of weights, of bfloat16 and float16, that are to be packed and multiplied as integers of 16 bits on this
    /// processor.
    public var shortTypes: [PanelType] = []

    /// VNNI, which has products of bytes and of 16 bits.
    public var hasDotsOfIntegers: Bool { dotTypes.contains(.int8) }

    /// What weights of a type are packed as.
    public func panelType(of weights: PanelType) -> PanelType { shortTypes.contains(weights) ? .int16 : weights }

    /// Whether products of int8 weights round activations to bytes, rather than to 16 bits.
    public let roundsToBytes: Bool

    /// Whether products of weights of a type round activations to that type.
    public func roundsActivations(to type: PanelType) -> Bool {
        tiles != nil && type.fitsTiles || dotTypes.contains(type) || type == .int8 && roundsToBytes
    }

    /// The same as `product` without a norm for 1 to `ProductTask.fewRows` rows, at the speed at which the weights can
    /// be read.
    public let fewRowsProduct: @Sendable (borrowing ProductTask) -> Void
    /// Bias, norm, activation and residual over a `c` that holds `A · B` already.
    public let finish: @Sendable (borrowing ProductTask) -> Void
    /// Packs `[columns, depth]` (a weight `[out, in]`) into float32 panels `[⌈columns /
    /// tileColumns⌉][depth][tileColumns]`.
    public let packTransposed: @Sendable (_ source: Matrix, _ panels: UnsafeMutablePointer<Float>) -> Void
    /// Packs `[depth, columns]` into the same panels.
    public let packRows: @Sendable (_ source: Matrix, _ panels: UnsafeMutablePointer<Float>) -> Void
    /// Packs one panel of columns that lie anywhere, from and to any type, as `PanelType` says.
    public let packPanel: @Sendable (borrowing PackTask) -> Void
    /// Panels of a type back to `[columns, depth]`, times each column's scale.
    public let unpackPanels: UnpackPanels
    public let attention: AttentionKernel
    /// Over bfloat16, where `dotTypes` has that.
    public let dotAttention: DotAttention?
    /// Over integers of 16 bits by VNNI, where there are `shortTypes`, and the same for every processor of the
    /// instruction set.
    public let shortDotAttention: DotAttention?
    public let shortAttention: AttentionKernel?
    public let rowAttention: @Sendable (borrowing RowAttentionTask) -> Void
    public let unary:
        @Sendable (
            _ function: ElementFunction, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int
        ) -> Void
    public let binary: @Sendable (borrowing BinaryTask) -> Void
    public let layerNorm: @Sendable (borrowing RowTask) -> Void
    /// `gain` and `bias` are ignored.
    public let softmax: @Sendable (borrowing RowTask) -> Void
    /// What `logNormalize` needs of a row, or a part of one.
    public let exponentialTotal: @Sendable (_ x: UnsafePointer<Float>, _ count: Int) -> ExponentialTotal
    /// `y = x - largest - ln(sum)`
    public let logNormalize:
        @Sendable (
            _ x: UnsafePointer<Float>, _ total: ExponentialTotal, _ y: UnsafeMutablePointer<Float>, _ count: Int
        ) -> Void
    /// Adds the sums of each column to `sums`; about `mean` and squared when there is one.
    public let columnSums:
        @Sendable (_ x: Matrix, _ mean: UnsafePointer<Float>?, _ sums: UnsafeMutablePointer<Double>) -> Void
    /// `y = activation((x - center) · gain + bias)` with one of each a column.
    public let scaleColumns: @Sendable (borrowing RowTask) -> Void
    public let halfToFloat:
        @Sendable (_ x: UnsafePointer<UInt16>, _ y: UnsafeMutablePointer<Float>, _ count: Int) -> Void
    public let floatToHalf:
        @Sendable (_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<UInt16>, _ count: Int) -> Void
    /// Multiply-adds in registers alone, on `chainValueCount` floats; returns the number of operations.
    public let multiplyAddChains: @Sendable (_ values: UnsafeMutablePointer<Float>, _ iterations: Int) -> Int
    public let sumOfAll: @Sendable (_ x: UnsafePointer<Float>, _ count: Int) -> Float
    /// The same as `multiplyAddChains` with dot products.
    public let dotChains: DotChains?

    /// What a type's products do at best, where they have instructions of their own.
    public func chains(_ type: PanelType) -> Chains? {
        if type.tileByteSize != nil, let tiles { return tiles.chains }
        guard let dotChains else { return nil }
        let panelType = panelType(of: type)
        let hasDots = dotTypes.contains(panelType)
        let dot: Dot
        switch panelType {
        case .int8 where hasDots: dot = .bytes
        case .int8 where roundsToBytes: dot = .bytePairs
        case .int16: dot = hasDots ? .shorts : .shortPairs
        case .bfloat16 where hasDots: dot = .brains
        default: return nil
        }
        return { dotChains(dot, $1, $2) }
    }

    /// What dot products are of: `Word` of the kernels.
    public enum Dot: Sendable {
        case bytes, bytePairs, shorts, shortPairs, brains
    }

    public typealias UnpackPanels =
        @Sendable (
            _ panels: UnsafeRawPointer, _ type: PanelType, _ columns: Int, _ depth: Int,
            _ scales: UnsafePointer<Float>?, _ result: UnsafeMutablePointer<Float>
        ) -> Void
    public typealias Chains =
        @Sendable (_ type: PanelType, _ values: UnsafeMutablePointer<Float>, _ iterations: Int) -> Int
    public typealias DotChains =
        @Sendable (_ dot: Dot, _ values: UnsafeMutablePointer<Float>, _ iterations: Int) -> Int

    /// As many as any of the chains needs.
    public static let chainValueCount = ProductTask.tileSpan * ProductTask.tileSpan

    public init(
        name: String, tileRows: Int, tileColumns: Int, product: @escaping @Sendable (borrowing ProductTask) -> Void,
        dotProduct: (@Sendable (borrowing ProductTask) -> Void)?, roundsToBytes: Bool, tiles: TileKernels?,
        fewRowsProduct: @escaping @Sendable (borrowing ProductTask) -> Void,
        finish: @escaping @Sendable (borrowing ProductTask) -> Void,
        packTransposed: @escaping @Sendable (Matrix, UnsafeMutablePointer<Float>) -> Void,
        packRows: @escaping @Sendable (Matrix, UnsafeMutablePointer<Float>) -> Void,
        packPanel: @escaping @Sendable (borrowing PackTask) -> Void,
        unpackPanels: @escaping UnpackPanels,
        attention: AttentionKernel, dotAttention: DotAttention?, shortDotAttention: DotAttention?,
        shortAttention: AttentionKernel?,
        rowAttention: @escaping @Sendable (borrowing RowAttentionTask) -> Void,
        unary: @escaping @Sendable (ElementFunction, UnsafePointer<Float>, UnsafeMutablePointer<Float>, Int) -> Void,
        binary: @escaping @Sendable (borrowing BinaryTask) -> Void,
        layerNorm: @escaping @Sendable (borrowing RowTask) -> Void,
        softmax: @escaping @Sendable (borrowing RowTask) -> Void,
        exponentialTotal: @escaping @Sendable (UnsafePointer<Float>, Int) -> ExponentialTotal,
        logNormalize:
            @escaping @Sendable (UnsafePointer<Float>, ExponentialTotal, UnsafeMutablePointer<Float>, Int) -> Void,
        columnSums: @escaping @Sendable (Matrix, UnsafePointer<Float>?, UnsafeMutablePointer<Double>) -> Void,
        scaleColumns: @escaping @Sendable (borrowing RowTask) -> Void,
        halfToFloat: @escaping @Sendable (UnsafePointer<UInt16>, UnsafeMutablePointer<Float>, Int) -> Void,
        floatToHalf: @escaping @Sendable (UnsafePointer<Float>, UnsafeMutablePointer<UInt16>, Int) -> Void,
        multiplyAddChains: @escaping @Sendable (UnsafeMutablePointer<Float>, Int) -> Int,
        sumOfAll: @escaping @Sendable (UnsafePointer<Float>, Int) -> Float, dotChains: DotChains?
    ) {
        self.name = name
        self.tileRows = tileRows
        self.tileColumns = tileColumns
        self.product = product
        self.dotProduct = dotProduct
        self.roundsToBytes = roundsToBytes
        self.tiles = tiles
        self.fewRowsProduct = fewRowsProduct
        self.finish = finish
        self.packTransposed = packTransposed
        self.packRows = packRows
        self.packPanel = packPanel
        self.unpackPanels = unpackPanels
        self.attention = attention
        self.dotAttention = dotAttention
        self.shortDotAttention = shortDotAttention
        self.shortAttention = shortAttention
        self.rowAttention = rowAttention
        self.unary = unary
        self.binary = binary
        self.layerNorm = layerNorm
        self.softmax = softmax
        self.exponentialTotal = exponentialTotal
        self.logNormalize = logNormalize
        self.columnSums = columnSums
        self.scaleColumns = scaleColumns
        self.halfToFloat = halfToFloat
        self.floatToHalf = floatToHalf
        self.multiplyAddChains = multiplyAddChains
        self.sumOfAll = sumOfAll
        self.dotChains = dotChains
    }
}

/// What AMX's tiles compute.
public struct TileKernels: Sendable {
    /// `KernelTable.product` for weights of a `PanelType.tileByteSize`. Beside bfloat16 and int8, activations are
    /// rounded to bfloat16, or to 8 bits a row; float32 is multiplied as sums of bfloat16, which leave nothing out that
    /// float32 would hold.
    public let product: @Sendable (borrowing ProductTask) -> Void
    /// Rounds the task's rows to its `roundedRows`.
    public let roundRows: @Sendable (borrowing ProductTask) -> Void
    public let roundToBrains:
        @Sendable (_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<UInt16>, _ count: Int) -> Void
    /// Over bfloat16.
    public let attention: AttentionKernel
    public let chains: KernelTable.Chains

    public init(
        product: @escaping @Sendable (borrowing ProductTask) -> Void,
        roundRows: @escaping @Sendable (borrowing ProductTask) -> Void,
        roundToBrains: @escaping @Sendable (UnsafePointer<Float>, UnsafeMutablePointer<UInt16>, Int) -> Void,
        attention: AttentionKernel,
        chains: @escaping KernelTable.Chains
    ) {
        self.product = product
        self.roundRows = roundRows
        self.roundToBrains = roundToBrains
        self.attention = attention
        self.chains = chains
    }
}

/// Rows of float32 with any distance between them; rows may overlap.
public struct Matrix {
    public let pointer: UnsafePointer<Float>
    public let rows: Int
    public let columns: Int
    /// Elements from one row to the next.
    public let stride: Int

    public init(_ pointer: UnsafePointer<Float>, rows: Int, columns: Int, stride: Int) {
        self.pointer = pointer
        self.rows = rows
        self.columns = columns
        self.stride = stride
    }
}

/// The same functions as `TensorEngine.UnaryKind`, in the kernels' own words: they import no engine.
public enum ElementFunction: UInt8, Sendable {
    case identity, negate, absolute, square, squareRoot, reciprocal, exponential, logarithm
    case tanh, sigmoid, relu, leakyRelu, silu, gelu, geluTanh, geluSigmoid
}

/// One thread's rows of a row-wise operation.
public struct RowTask: ~Copyable {
    public var x: Matrix
    public var y: UnsafeMutablePointer<Float>
    public var gain: UnsafePointer<Float>?
    public var bias: UnsafePointer<Float>?
    public var center: UnsafePointer<Float>?
    public var epsilon: Float = 0
    public var activation = ElementFunction.identity

    public init(x: Matrix, y: UnsafeMutablePointer<Float>) {
        self.x = x
        self.y = y
    }
}

/// `Σ eˣ⁻ˡᵃʳᵍᵉˢᵗ` of some numbers.
public struct ExponentialTotal: Sendable {
    public var largest: Float
    public var sum: Float

    public init(largest: Float, sum: Float) {
        self.largest = largest
        self.sum = sum
    }
}

/// One thread's rows of `y = a ∘ b`.
public struct BinaryTask: ~Copyable {
    public enum Function: UInt8, Sendable {
        case add, subtract, multiply, divide, maximum, minimum
    }

    public var function: Function
    public var a: Matrix
    public var b: UnsafePointer<Float>
    /// How far `b` moves from row to row and from column to column: `(columns, 1)`, `(0, 1)`, `(1, 0)` or `(0, 0)`.
    public var bRowStride: Int
    public var bColumnStride: Int
    public var y: UnsafeMutablePointer<Float>

    public init(
        function: Function, a: Matrix, b: UnsafePointer<Float>, bRowStride: Int, bColumnStride: Int,
        y: UnsafeMutablePointer<Float>
    ) {
        self.function = function
        self.a = a
        self.b = b
        self.bRowStride = bRowStride
        self.bColumnStride = bColumnStride
        self.y = y
    }
}
