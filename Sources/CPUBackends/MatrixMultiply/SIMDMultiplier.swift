import SIMDKernelTable
import TensorEngine

/// The packed, register-blocked product of the SIMD kernels.
struct SIMDMultiplier: MatrixMultiplier {
    let kernels: KernelTable
    let workers: Workers

    var name: String { "" }

    func preparedCount(n: Int, k: Int) -> Int { preparedCount(n: n, k: k, as: .float32) }

    /// Numbers that a weight of `[n, k]` takes in panels of a type.
    func preparedCount(n: Int, k: Int, as type: PanelType) -> Int {
        panelCount(n) * kernels.tileColumns * type.panelDepth(k)
    }

    func prepare(_ weight: Matrix, into form: UnsafeMutablePointer<Float>) {
        let form = SharedPointer(form)
        let source = SharedPointer(weight.pointer)
        let (columns, depth, stride) = (weight.rows, weight.columns, weight.stride)
        workers.run(over: panelCount(columns), grain: max(1, 1 << 16 / max(1, depth * kernels.tileColumns))) { panels in
            let first = panels.lowerBound * kernels.tileColumns
            let part = Matrix(
                source + first * stride, rows: min(columns, panels.upperBound * kernels.tileColumns) - first,
                columns: depth, stride: stride)
            kernels.packTransposed(part, form + first * depth)
        }
    }

    func prepareRows(_ weight: Matrix, into form: UnsafeMutablePointer<Float>) {
        kernels.packRows(weight, form)
    }

    func restore(
        _ form: UnsafeRawPointer, from type: PanelType, n: Int, k: Int, scales: UnsafePointer<Float>?,
        into weight: UnsafeMutablePointer<Float>
    ) {
        kernels.unpackPanels(form, type, n, k, scales, weight)
    }

    func multiply(_ product: Product, on backend: CPUBackend) throws {
        if product.norm == nil, 1...ProductTask.fewRows ~= product.a.rows {
            return try multiplyFewRows(product, on: backend)
        }
        let kernel = ProductKernel(
            kernels, product.weightType, rows: product.a.rows, depth: product.a.columns,
            caches: Processor.current.caches)
        guard kernel.roundRows != nil, product.norm == nil, product.a.rows > Self.mostRoundedRows else {
            return try multiply(product, kernel, on: backend)
        }
        for first in stride(from: 0, to: product.a.rows, by: Self.mostRoundedRows) {
            let rows = first..<min(product.a.rows, first + Self.mostRoundedRows)
            try multiply(product[rows], kernel, on: backend)
        }
    }

    /// Rows that are rounded for several tasks before these start: what they take is in the shared cache still.
    private static let mostRoundedRows = 1024

    private func multiply(_ product: Product, _ kernel: ProductKernel, on backend: CPUBackend) throws {
        let grid = Grid(product, kernel, workers: workers)
        let scratch = try backend.scratch(count: kernel.scratchCount(grid.block), workers: workers.count)
        let roundedRows =
            grid.columnParts > 1 ? try self.roundedRows(of: product, kernel, grid, scratch, on: backend) : nil
        workers.run(grid.taskCount) { index, worker in
            let (rows, columns) = grid[index]
            var task = product.task(
                rows: rows, columns: columns, panels: product.panels(from: columns.lowerBound), block: grid.block,
                scratch: scratch[worker])
            task.roundedRows = roundedRows?[rows.lowerBound]
            kernel.compute(task)
        }
    }

    /// A as the tasks of all columns take it, where the kernel rounds it for them.
    private func roundedRows(
        of product: Product, _ kernel: ProductKernel, _ grid: Grid, _ scratch: Scratch, on backend: CPUBackend
    ) throws -> RoundedRows? {
        guard let roundRows = kernel.roundRows else { return nil }
        let (rows, depth) = (product.a.rows, product.a.columns)
        let tiles = (rows + grid.tileRows - 1) / grid.tileRows
        let count = tiles * grid.tileRows
        let result = RoundedRows(
            memory: try backend.scratch(count: kernel.tileRowsCount(count, depth: depth)), count: count)
        // Several parts a thread, of rows enough to be worth waking one.
        let parts = max(1, min(tiles, 4 * workers.count, rows * depth / 16_000))
        workers.run(parts) { part, worker in
            let first = tiles * part / parts * grid.tileRows
            let last = min(rows, tiles * (part + 1) / parts * grid.tileRows)
            var task = product.task(
                rows: first..<last, columns: 0..<product.n, panels: product.weight, block: grid.block,
                scratch: scratch[worker])
            task.roundedRows = result[first]
            roundRows(task)
        }
        return result
    }

    /// `TileRows` from any row of a product on, and their memory.
    private struct RoundedRows: Sendable {
        let memory: Scratch
        let count: Int

        subscript(first: Int) -> TileRows {
            let end = memory[1]
            return TileRows(memory: memory[0], scales: end - 2 * count, count: count, first: first)
        }
    }

    /// Cut by columns alone. Each worker interleaves A once.
    private func multiplyFewRows(_ product: Product, on backend: CPUBackend) throws {
        let (k, n) = (product.a.columns, product.n)
        let scratch = try backend.scratch(count: ProductTask.fewRowsScratchCount(depth: k), workers: workers.count)
        // Panels just worth waking a thread for.
        let least = max(1, 16_000 / max(1, k * kernels.tileColumns))
        withUnsafeTemporaryAllocation(of: Bool.self, capacity: workers.count) { flags in
            flags.initialize(repeating: false)
            guard let hasInterleavedRows = flags.baseAddress.map({ SharedPointer($0) }) else { return }
            workers.run(shrinkingRangesOf: panelCount(n), least: least) { panels, worker in
                let columns =
                    panels.lowerBound * kernels.tileColumns..<min(n, panels.upperBound * kernels.tileColumns)
                var task = product.task(
                    rows: 0..<product.a.rows, columns: columns,
                    panels: product.panels(from: columns.lowerBound), block: (1, 1), scratch: scratch[worker])
                task.hasInterleavedRows = hasInterleavedRows.pointer[worker]
                task.roundsActivations = kernels.roundsActivations(to: product.weightType)
                task.hasDots = kernels.dotTypes.contains(product.weightType)
                kernels.fewRowsProduct(task)
                hasInterleavedRows.pointer[worker] = true
            }
        }
    }

    private func panelCount(_ columns: Int) -> Int { (columns + kernels.tileColumns - 1) / kernels.tileColumns }

    /// How a product is cut into tasks: blocks of rows times ranges of panels.
    struct Grid: Sendable {
        let m: Int
        let n: Int
        let rowParts: Int
        let columnParts: Int
        let tileRows: Int
        let tileColumns: Int
        /// Rows and depth of A that a task holds copied: they stay in the second-level cache.
        let block: (rows: Int, depth: Int)

        init(_ product: Product, _ kernel: ProductKernel, workers: Workers) {
            (m, n) = (product.a.rows, product.n)
            (tileRows, tileColumns) = (kernel.tileRows, kernel.tileColumns)
            let rowTiles = Self.parts(m, of: tileRows)
            let panels = Self.parts(n, of: tileColumns)
            // A result that is rounded must be complete then.
            let isWhole = product.brainResult != nil
            let wholeDepth = kernel.blockDepth(product.a.columns, rows: 1)
            var mostRowTiles = kernel.mostRowTiles(
                depth: isWhole ? wholeDepth : kernel.blockDepth(product.a.columns))
            // Small products aren't worth waking a thread for.
            let work = Double(m) * Double(n) * Double(product.a.columns)
            let isShared = workers.count > 1 && work >= 500_000
            let needed = isShared ? workers.count * ProductKernel.partsPerThread : 1
            let worthIt = min(workers.count * kernel.mostPartsPerThread, Int(work / ProductKernel.leastWork))
            let wanted = isShared ? max(needed, worthIt) : 1
            var rowParts = Self.parts(rowTiles, of: mostRowTiles)
            var columnParts = 1
            if product.norm != nil {
                mostRowTiles = max(1, min(mostRowTiles, kernel.mostSums(across: n) / tileRows))
                rowParts = min(rowTiles, max(rowParts, needed))
            } else {
                // Wide ranges first, so that copying A stays cheap; then thinner ones.
                columnParts = max(1, min(Self.parts(wanted, of: rowParts), n / kernel.leastColumns))
                let tallParts = min(Self.parts(wanted, of: columnParts), rowTiles / kernel.leastRowTiles)
                rowParts = min(rowTiles, max(rowParts, tallParts, Self.parts(needed, of: columnParts)))
                columnParts = min(panels, max(columnParts, Self.parts(needed, of: rowParts)))
            }
            block.rows = min(mostRowTiles, Self.parts(rowTiles, of: rowParts)) * tileRows
            block.depth = isWhole ? wholeDepth : kernel.blockDepth(product.a.columns, rows: block.rows)
            if product.norm == nil, block.depth < product.a.columns {
                let wideParts = Self.parts(n, of: kernel.mostSums(across: block.rows))
                columnParts = min(panels, max(columnParts, wideParts))
            }
            self.rowParts = rowParts
            self.columnParts = columnParts
        }

        /// How many parts of a size, one at least, make up a count.
        private static func parts(_ count: Int, of size: Int) -> Int { max(1, (count + size - 1) / size) }

        var taskCount: Int { m == 0 || n == 0 ? 0 : rowParts * columnParts }

        subscript(index: Int) -> (rows: Range<Int>, columns: Range<Int>) {
            // Tasks of the same columns follow each other: their panels are in the shared cache.
            let (columnPart, rowPart) = (index / rowParts, index % rowParts)
            return (
                Self.range(rowPart, of: rowParts, tile: tileRows, count: m),
                Self.range(columnPart, of: columnParts, tile: tileColumns, count: n)
            )
        }

        private static func range(_ part: Int, of parts: Int, tile: Int, count: Int) -> Range<Int> {
            let tiles = (count + tile - 1) / tile
            return min(count, tiles * part / parts * tile)..<min(count, tiles * (part + 1) / parts * tile)
        }
    }
}
