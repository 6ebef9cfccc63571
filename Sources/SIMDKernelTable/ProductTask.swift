/// How the numbers of packed panels are stored: `[depth / group][tileColumns][group]`.
public enum PanelType: UInt8, Sendable {
    case float32, bfloat16, float16, int16, int8

    public var byteSize: Int {
        switch self {
        case .float32: 4
        case .bfloat16, .float16, .int16: 2
        case .int8: 1
        }
    }

    /// Numbers of a column that lie next to each other: the four bytes that instructions multiply with four others at
    /// once. One of float16, which vectors expand fastest in columns' order.
    public var group: Int {
        switch self {
        case .float32, .float16: 1
        case .bfloat16, .int16: 2
        case .int8: 4
        }
    }

    /// Whether each column has a scale of its own.
    public var isInteger: Bool { self == .int16 || self == .int8 }

    /// Whether AMX tiles take panels of this type as they are.
    public var fitsTiles: Bool { self == .bfloat16 || self == .int8 }

    /// Bytes that a number takes as AMX tiles multiply it, of float32 three bfloat16; nil where they don't.
    public var tileByteSize: Int? { self == .float32 ? 6 : fitsTiles ? byteSize : nil }

    /// Depth of an AMX tile, whose rows have 64 bytes.
    public var tileDepth: Int { self == .int8 ? 64 : 32 }

    /// How deep a panel of `depth` numbers a column is stored: whole groups or tiles, with zeros at the end.
    public func panelDepth(_ depth: Int) -> Int {
        let unit = fitsTiles ? tileDepth : group
        return (depth + unit - 1) / unit * unit
    }
}

/// One thread's share of `C = activation(norm(A · B + bias)) + residual`.
public struct ProductTask: ~Copyable {
    /// `[m, k]`; the rows may overlap.
    public var a: Matrix
    /// Panels as `packPanel` makes them of `panelType`; the first is the panel of `c`'s column 0.
    public var panels: UnsafeRawPointer
    public var panelType = PanelType.float32
    /// What the numbers of each column are to be multiplied with, a whole number of panels long; nil for 1.
    public var scales: UnsafePointer<Float>?
    /// What the integers of each column add up to, as long.
    public var totals: UnsafePointer<Float>?
    /// Steps from the smallest to the largest of the bytes that a row of A becomes, an even number:
    /// `mostSteps(largestPair:)`.
    public var steps = ProductTask.mostSteps
    /// `[m, n]`
    public var c: UnsafeMutablePointer<Float>
    public var cStride: Int
    /// Columns to compute.
    public var n: Int
    public var bias: UnsafePointer<Float>?
    /// A norm over the n columns; needs the whole row in this task.
    public var gain: UnsafePointer<Float>?
    public var shift: UnsafePointer<Float>?
    public var epsilon: Float = 0
    public var activation = ElementFunction.identity
    /// Laid out like `c`.
    public var residual: UnsafePointer<Float>?
    /// Rows of A that are held packed at a time, a multiple of those of the register tile, and how deep, a multiple of
    /// 4 or of the type's `tileDepth`, at most `mostWords` outside tiles, `exactDepth` where `product` rounds to 16
    /// bits, and a part of `shortDepth` for int16: a block that stays in the second-level cache.
    public var blockRows: Int
    public var blockDepth: Int
    /// How deep the part of a panel is that stays in the first-level cache while tiles of all rows of a block are
    /// multiplied with it, a multiple of the type's `tileDepth`.
    public var partDepth = 0
    /// A as tiles take it, where somebody has rounded it for several tasks.
    public var roundedRows: TileRows?
    /// A, where it is bfloat16, as tiles of such take it; `a` has its rows, its columns and its stride then, and no
    /// numbers.
    public var brainRows: UnsafePointer<UInt16>?
    /// Where C goes instead, as bfloat16, from tiles whose blocks take all of the depth.
    public var brainResult: UnsafeMutablePointer<UInt16>?
    /// Room for `scratchCount(blockRows:blockWords:ofIntegers:)` floats, or `tileScratchCount(blockRows:blockDepth:…)`.
    public var scratch: UnsafeMutablePointer<Float>
    /// Whether a product of few rows finds A in the scratch as the last one of the same A has left it there.
    public var hasInterleavedRows = false
    /// Whether a product of few rows rounds A to bfloat16 as those of more rows do here, so that a batch gives what its
    /// parts give.
    public var roundsActivations = false
    /// Whether it may use the instructions of `dotProduct`.
    public var hasDots = false

    public init(
        a: Matrix, panels: UnsafeRawPointer, c: UnsafeMutablePointer<Float>, cStride: Int, n: Int,
        blockRows: Int, blockDepth: Int, scratch: UnsafeMutablePointer<Float>
    ) {
        self.a = a
        self.panels = panels
        self.c = c
        self.cStride = cStride
        self.n = n
        self.blockRows = blockRows
        self.blockDepth = blockDepth
        self.scratch = scratch
    }

    /// As many as bytes have, less one, which rounding may add, and even, so that a row as large on both sides of zero
    /// keeps zero and both ends.
    public static let mostSteps: Float = 254

    /// As many as let two products add up within 16 bits, with weights whose neighbours add up to `largestPair` at
    /// most.
    /// - Returns: from 126, of weights of -128 alone, to `mostSteps`; 128 at least with weights of ±127.
    public static func mostSteps(largestPair: Int) -> Float {
        // With signs that differ, one product counts.
        min(mostSteps, Float((32767 / max(largestPair, 127) - 1) & ~1))
    }

    /// Steps of depth whose products of 16 bits with bytes, at most 2¹⁵ · 2⁷ each, add up within 32 bits.
    public static let exactDepth = 512

    /// Steps of depth, from a multiple of it on, whose products of 16 bits with int16 add up within 32 bits.
    public static let shortDepth = 1024

    /// Words of four bytes that a row of a block may take: its depth in float32.
    @_transparent public static func mostWords(ofIntegers isInteger: Bool) -> Int { isInteger ? 512 : 1024 }

    /// Words from one row of a block to the next. It is known as the kernel is compiled: the instructions say where the
    /// rows of a register tile lie, for which there are too few registers. Sixteen more than the most, so that they
    /// don't all fall into the same set of the first-level cache.
    @_transparent public static func rowStride(ofIntegers isInteger: Bool) -> Int {
        mostWords(ofIntegers: isInteger) + 16
    }

    /// Floats of scratch that `product` and `dotProduct` need.
    /// - Parameter blockWords: that a row of a block takes, `mostWords` at most.
    public static func scratchCount(blockRows: Int, blockWords: Int, ofIntegers isInteger: Bool) -> Int {
        blockRows * (rowStride(ofIntegers: isInteger) + 3) + edgeCount + (blockWords + 16) * mostTileColumns
    }

    /// Rows whose sums of a panel's columns fit into the registers of every instruction set.
    public static let fewRows = 6

    /// Floats of scratch that `fewRowsProduct` needs.
    public static func fewRowsScratchCount(depth: Int) -> Int { (fewRows + 1) * (depth + 4) + edgeCount }

    /// Rows and columns of sums that AMX's tiles hold.
    public static let tileSpan = 32

    /// Floats of scratch that `TileKernels.product` needs: a block, sums of a strip of columns, three numbers a row,
    /// and a part of a strip's panels.
    public static func tileScratchCount(blockRows: Int, blockDepth: Int, partDepth: Int, byteSize: Int) -> Int {
        blockRows * (blockDepth * byteSize / 4 + tileSpan + 3) + tileSpan * partDepth * byteSize / 4
    }

    /// Columns of the widest register tile.
    static let mostTileColumns = 32

    /// Floats of the largest register tile: 14 × 32.
    public static let edgeCount = 448
}

/// Rows of a product as AMX tiles take them: for each block of depth `[rows / 16][depth / tileDepth][parts][16][64
/// bytes]`, of which float32 has three parts.
public struct TileRows {
    public let memory: UnsafeMutableRawPointer
    /// Of integers, what each row's sums are to be multiplied with, and behind them each row's zero.
    public let scales: UnsafeMutablePointer<Float>
    /// Rows in all, a multiple of `ProductTask.tileSpan`.
    public let count: Int
    /// The task's first row.
    public var first: Int

    public init(memory: UnsafeMutableRawPointer, scales: UnsafeMutablePointer<Float>, count: Int, first: Int = 0) {
        (self.memory, self.scales, self.count, self.first) = (memory, scales, count, first)
    }
}
