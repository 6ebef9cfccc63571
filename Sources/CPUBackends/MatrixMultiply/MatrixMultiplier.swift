import SIMDKernelTable
import TensorEngine

/// What tells the members of the CPU family apart: how they multiply matrices.
protocol MatrixMultiplier: Sendable {
    /// Goes before the kernels' name in the backend's summary.
    var name: String { get }
    /// Floats that a weight of `[n, k]` takes in this multiplier's form.
    func preparedCount(n: Int, k: Int) -> Int
    /// Brings `[n, k]` into that form.
    func prepare(_ weight: Matrix, into form: UnsafeMutablePointer<Float>)
    /// Brings `[k, n]` into that form.
    func prepareRows(_ weight: Matrix, into form: UnsafeMutablePointer<Float>)
    /// The form of a type back to `[n, k]`, times each output's scale.
    func restore(
        _ form: UnsafeRawPointer, from type: PanelType, n: Int, k: Int, scales: UnsafePointer<Float>?,
        into weight: UnsafeMutablePointer<Float>)
    /// Computes a product and everything that is fused to it.
    func multiply(_ product: Product, on backend: CPUBackend) throws
}

/// `C = activation(norm(A · Wᵀ + bias)) + residual`.
///
/// `@unchecked Sendable`: the pointers live as long as the call that made the product.
struct Product: @unchecked Sendable {
    /// `[m, k]`; rows may overlap.
    var a: Matrix
    /// A weight of `[n, k]` in the multiplier's form, its numbers stored as `weightType`.
    var weight: UnsafeRawPointer
    var weightType = PanelType.float32
    /// `[n]`, up to a whole panel.
    var scales: UnsafePointer<Float>?
    /// What the integers of each output add up to, `[n]`, up to a whole panel.
    var totals: UnsafePointer<Float>?
    /// Of the bytes that rows of A become.
    var steps = ProductTask.mostSteps
    var n: Int
    /// `[m, n]`
    var c: UnsafeMutablePointer<Float>
    var cStride: Int
    /// A, and where C goes, in place of `a`'s numbers and of `c`, where these are bfloat16, which tiles take.
    var brainRows: UnsafePointer<UInt16>?
    var brainResult: UnsafeMutablePointer<UInt16>?
    var bias: UnsafePointer<Float>?
    var norm: Normalization?
    var activation = ElementFunction.identity
    var residual: UnsafePointer<Float>?

    /// The product of some rows.
    subscript(rows: Range<Int>) -> Product {
        var result = self
        result.a = Matrix(
            a.pointer + rows.lowerBound * a.stride, rows: rows.count, columns: a.columns, stride: a.stride)
        result.c += rows.lowerBound * cStride
        result.brainRows = brainRows.map { $0 + rows.lowerBound * a.stride }
        result.brainResult = brainResult.map { $0 + rows.lowerBound * cStride }
        result.residual = residual.map { $0 + rows.lowerBound * cStride }
        return result
    }

    /// The panels of a column that begins one, and of those after it.
    func panels(from column: Int) -> UnsafeRawPointer {
        weight + column * weightType.panelDepth(a.columns) * weightType.byteSize
    }

    /// The share of some rows and columns, for a kernel. With a norm the columns must be all.
    func task(
        rows: Range<Int>, columns: Range<Int>, panels: UnsafeRawPointer, block: (rows: Int, depth: Int),
        scratch: UnsafeMutablePointer<Float>
    ) -> ProductTask {
        let part = self[rows]
        let first = columns.lowerBound
        var task = ProductTask(
            a: part.a, panels: panels, c: part.c + first, cStride: cStride, n: columns.count, blockRows: block.rows,
            blockDepth: block.depth, scratch: scratch)
        task.brainRows = part.brainRows
        task.brainResult = part.brainResult.map { $0 + first }
        task.panelType = weightType
        task.scales = scales.map { $0 + first }
        task.totals = totals.map { $0 + first }
        task.steps = steps
        task.bias = bias.map { $0 + first }
        task.gain = norm.map { UnsafePointer($0.gain.elements.pointer) }
        task.shift = norm.map { UnsafePointer($0.bias.elements.pointer) }
        task.epsilon = norm?.epsilon ?? 0
        task.activation = activation
        task.residual = part.residual.map { $0 + first }
        return task
    }
}
