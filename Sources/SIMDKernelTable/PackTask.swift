/// One panel of a weight, to be packed as `PanelType` says.
public struct PackTask: ~Copyable {
    /// Where the numbers of each of `tileColumns` columns lie, `depth` one after the other and each at an address that
    /// suits its type; nil for columns beyond the last, whose numbers are zeros.
    public var columns: UnsafePointer<UnsafeRawPointer?>
    public var depth: Int
    public var storedType: PanelType
    /// What the numbers of each column that is there are to be multiplied with before they become another type; nil for
    /// 1.
    public var storedScales: UnsafePointer<Float>?
    public var panel: UnsafeMutableRawPointer
    public var panelType: PanelType
    /// What numbers are rounded to: the panel's type, or what they are before they become int16, bfloat16 or float16.
    public var numberType: PanelType
    /// Where the scale of each column that is there goes when another type becomes integers: of int8 largest / 127, of
    /// int16 the power of two that `ProductTask.shortDepth` allows.
    public var scales: UnsafeMutablePointer<Float>?
    /// Where what the integers of each column that is there add up to goes, if the panel has int8.
    public var totals: UnsafeMutablePointer<Float>?
    /// Where the largest magnitude of a sum of two neighbours of the same column goes, if the panel has int8.
    public var largestPair: UnsafeMutablePointer<Int>?
    /// Room for `scratchCount` floats.
    public var scratch: UnsafeMutablePointer<Float>

    public init(
        columns: UnsafePointer<UnsafeRawPointer?>, depth: Int, storedType: PanelType,
        panel: UnsafeMutableRawPointer, panelType: PanelType, scratch: UnsafeMutablePointer<Float>
    ) {
        self.columns = columns
        self.depth = depth
        self.storedType = storedType
        self.panel = panel
        self.panelType = panelType
        numberType = panelType
        self.scratch = scratch
    }

    /// Numbers of a column that are converted at a time: all columns' stay in the first-level cache.
    public static let blockDepth = 128

    /// A block of float32, and one of the panel's type for each column.
    public static let scratchCount = blockDepth * (1 + ProductTask.mostTileColumns)
}
