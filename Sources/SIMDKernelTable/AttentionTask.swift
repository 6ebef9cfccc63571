extension PanelType {
    /// Of attention's panels; eight bytes a column behind them where they are integers.
    public func byteCount(columns: Int, depth: Int) -> Int {
        columns * (panelDepth(depth) * byteSize + (isInteger ? 8 : 0))
    }
}

/// Attention over factors of two types.
public struct AttentionKernel: Sendable {
    public typealias Pack =
        @Sendable (_ source: Matrix, _ panels: UnsafeMutableRawPointer, _ scratch: UnsafeMutablePointer<Float>) -> Void

    /// What keys are packed as, and what queries are rounded to then.
    public let keys: PanelType
    /// What values are packed as, and weights are rounded to.
    public let values: PanelType
    public let compute: @Sendable (borrowing AttentionTask) -> Void
    /// Packs keys `[keys, size]` into panels of as many columns; the scratch is the task's.
    public let packKeys: Pack
    /// Packs values `[keys, size]` into panels of `size` columns.
    public let packValues: Pack

    public init(
        keys: PanelType, values: PanelType, compute: @escaping @Sendable (borrowing AttentionTask) -> Void,
        packKeys: @escaping Pack, packValues: @escaping Pack
    ) {
        self.keys = keys
        self.values = values
        self.compute = compute
        self.packKeys = packKeys
        self.packValues = packValues
    }
}

/// Attention by dot products of one type.
public struct DotAttention: Sendable {
    public let kernel: AttentionKernel
    /// With queries and keys of int8.
    public let byteKernel: AttentionKernel

    public init(_ kernel: AttentionKernel, bytes byteKernel: AttentionKernel) {
        (self.kernel, self.byteKernel) = (kernel, byteKernel)
    }
}

/// One thread's share of attention: some queries of one head of one segment.
public struct AttentionTask: ~Copyable {
    public var query: Matrix
    /// The keys and the values, packed as the kernel does.
    public var keyPanels: UnsafeRawPointer
    public var valuePanels: UnsafeRawPointer
    public var keys: Int
    public var scale: Float
    public var result: UnsafeMutablePointer<Float>
    public var resultStride: Int
    /// Room for `scratchCount` floats.
    public var scratch: UnsafeMutablePointer<Float>

    public init(
        query: Matrix, keyPanels: UnsafeRawPointer, valuePanels: UnsafeRawPointer, keys: Int, scale: Float,
        result: UnsafeMutablePointer<Float>, resultStride: Int, scratch: UnsafeMutablePointer<Float>
    ) {
        self.query = query
        self.keyPanels = keyPanels
        self.valuePanels = valuePanels
        self.keys = keys
        self.scale = scale
        self.result = result
        self.resultStride = resultStride
        self.scratch = scratch
    }

    /// Queries and keys that are scored at a time.
    public static let queryBlock = 96
    public static let keyBlock = 256

    /// Floats of sums on their way to the result: those of the largest register tile.
    public static let edgeCount = ProductTask.edgeCount

    /// Floats of scratch for heads of `size` channels.
    public static func scratchCount(size: Int) -> Int {
        let padded = (size + 31) / 32 * 32
        return queryBlock * (2 * padded + keyBlock + 38 + (padded + keyBlock + 32) / 2) + edgeCount
    }
}

/// One thread's share of attention over listed rows: some queries of one head.
public struct RowAttentionTask: ~Copyable {
    /// `[queries, size]`
    public var query: Matrix
    /// The head's first channel in the keys of row 0, and in the values.
    public var keys: UnsafePointer<Float>
    public var values: UnsafePointer<Float>
    /// Elements from one row of keys and values to the next.
    public var stride: Int
    /// Query i sees the rows `rows[starts[i]] ..< rows[starts[i + 1]]`, one at least.
    public var rows: UnsafePointer<Int32>
    public var starts: UnsafePointer<Int32>
    public var scale: Float
    public var result: UnsafeMutablePointer<Float>
    public var resultStride: Int
    /// Room for the scores of `queryCount` queries.
    public var scratch: UnsafeMutablePointer<Float>
    /// Floats from one query's scores to the next: `scoreStride(longest:)`.
    public var scoreStride: Int

    public init(
        query: Matrix, keys: UnsafePointer<Float>, values: UnsafePointer<Float>, stride: Int,
        rows: UnsafePointer<Int32>, starts: UnsafePointer<Int32>, scale: Float, result: UnsafeMutablePointer<Float>,
        resultStride: Int, scratch: UnsafeMutablePointer<Float>, scoreStride: Int
    ) {
        self.query = query
        self.keys = keys
        self.values = values
        self.stride = stride
        self.rows = rows
        self.starts = starts
        self.scale = scale
        self.result = result
        self.resultStride = resultStride
        self.scratch = scratch
        self.scoreStride = scoreStride
    }

    /// Queries that are attended for together: a search's hypotheses.
    public static let queryCount = 8

    /// Whole vectors of any instruction set.
    public static func scoreStride(longest: Int) -> Int { (longest + 15) / 16 * 16 }
}
