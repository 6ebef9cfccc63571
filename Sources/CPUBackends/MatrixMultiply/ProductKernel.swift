import SIMDKernelTable

/// What computes a product of weights of one type, and blocks for it that suit the caches.
package struct ProductKernel: Sendable {
    let compute: @Sendable (borrowing ProductTask) -> Void
    /// The kernel's register tile.
    package let tileRows: Int
    let tileColumns: Int
    /// The most rows, in tiles, and the greatest depth of A that a task holds copied.
    package let mostRowTiles: Int
    package let mostDepth: Int
    /// Columns over which the copy of a block of A pays off.
    let leastColumns: Int
    /// Parts of the work a thread.
    let partsPerThread: Int
    private let unit: Unit
    private let type: PanelType

    /// What multiplies.
    private enum Unit {
        case multiplyAdds, dots, tiles
    }

    package init(_ kernels: KernelTable, _ type: PanelType, caches: Processor.Caches) {
        self.type = type
        if let tileProduct = kernels.tileProduct, type.fitsTiles {
            (unit, compute) = (.tiles, tileProduct)
        } else if let dotProduct = kernels.dotProduct, kernels.dotTypes.contains(type) {
            (unit, compute) = (.dots, dotProduct)
        } else {
            (unit, compute) = (.multiplyAdds, kernels.product)
        }
        (tileRows, tileColumns) =
            unit == .tiles ? (ProductTask.tileSpan, ProductTask.tileSpan) : (kernels.tileRows, kernels.tileColumns)
        if unit == .multiplyAdds {
            // Depth and rows of the block grow alike: 256 with the 512 KiB of Zen 3, 512 with the 2 MiB of Sapphire
            // Rapids, where they were measured.
            let side = Int(Double(caches.secondLevel / 8).squareRoot())
            mostDepth = min(512, max(128, side / 64 * 64))
            leastColumns = 16 * tileColumns
            partsPerThread = 4
        } else {
            // The panel's part takes two thirds of the first level: all blocks of rows are multiplied with it.
            let depth = caches.firstLevel * 2 / 3 / (tileColumns * type.byteSize) / type.tileDepth * type.tileDepth
            mostDepth = max(type.tileDepth, depth)
            // Rounding a number takes as long as tiles use it for 250 columns.
            leastColumns = 1024
            partsPerThread = 2
        }
        // A third of the second level: 144 rows of 1 KiB on Zen 3 with AVX2, 336 of 2 KiB on Sapphire Rapids with AVX-512.
        let tileBytes = tileRows * mostDepth * (unit == .multiplyAdds ? 4 : type.byteSize)
        mostRowTiles = max(1, min(24, caches.secondLevel / 3 / tileBytes))
    }

    func blockDepth(_ depth: Int) -> Int {
        min(mostDepth, max(4, unit == .multiplyAdds ? (depth + 3) / 4 * 4 : type.panelDepth(depth)))
    }

    func scratchCount(_ block: (rows: Int, depth: Int)) -> Int {
        switch unit {
        case .tiles: ProductTask.tileScratchCount(blockRows: block.rows, blockDepth: block.depth)
        case .dots:
            ProductTask.scratchCount(blockRows: block.rows, blockDepth: block.depth * type.byteSize / 4)
        case .multiplyAdds: ProductTask.scratchCount(blockRows: block.rows, blockDepth: block.depth)
        }
    }
}
