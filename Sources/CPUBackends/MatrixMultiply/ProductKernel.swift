import SIMDKernelTable

/// What computes a product of weights of one type, and blocks for it that suit the caches.
package struct ProductKernel: Sendable {
    let compute: @Sendable (borrowing ProductTask) -> Void
    /// The kernel's register tile.
    package let tileRows: Int
    let tileColumns: Int
    /// The greatest depth of A that a task holds copied.
    package let mostDepth: Int
    private let bytesOfBlock: Int
    /// Parts of the work a thread.
    let partsPerThread: Int
    private let unit: Unit
    private let type: PanelType
    /// Whether rows of A become integers.
    private let isInteger: Bool
    /// Of a number of A as a task holds it.
    private let byteSize: Int

    /// What multiplies.
    private enum Unit {
        case multiplyAdds, dots, shorts, tiles
    }

    package init(_ kernels: KernelTable, _ type: PanelType, caches: Processor.Caches) {
        self.type = type
        if let tiles = kernels.tiles, type.fitsTiles {
            (unit, compute, byteSize) = (.tiles, tiles.product, type.byteSize)
        } else if let dotProduct = kernels.dotProduct, kernels.dotTypes.contains(type) {
            (unit, compute, byteSize) = (type == .int16 ? .shorts : .dots, dotProduct, type.byteSize)
        } else if type == .int16 {
            (unit, compute, byteSize) = (.shorts, kernels.product, 2)
        } else if type == .int8, kernels.roundsToBytes {
            (unit, compute, byteSize) = (.dots, kernels.product, 1)
        } else {
            (unit, compute, byteSize) = (.multiplyAdds, kernels.product, type == .int8 ? 2 : 4)
        }
        (tileRows, tileColumns) =
            unit == .tiles ? (ProductTask.tileSpan, ProductTask.tileSpan) : (kernels.tileRows, kernels.tileColumns)
        isInteger = type.isInteger
        partsPerThread = 2
        if unit == .tiles {
            // The panel's part takes two thirds of the first level: all blocks of rows are multiplied with it.
            let depth = caches.firstLevel * 2 / 3 / (tileColumns * type.byteSize) / type.tileDepth * type.tileDepth
            mostDepth = max(type.tileDepth, depth)
            bytesOfBlock = caches.secondLevel / 3
        } else {
            // As deep as the second level allows, so that C is touched seldom: a register tile reads 15 bytes a cycle,
            // less than that level gives. On Zen 5 with its 1 MiB, 4 KiB and half the cache are 7 to 10 % faster than
            // 1.3 KiB, which keep the panel's part in the first level, and a third.
            // Of bytes 2 KiB are enough.
            let most = 4 * ProductTask.mostWords(ofIntegers: isInteger)
            let depth = min(most, max(512, caches.secondLevel >> 8)) / byteSize / 64 * 64
            mostDepth =
                switch unit {
                case .multiplyAdds where type == .int8: min(depth, ProductTask.exactDepth)
                case .shorts: min(1 << (Int.bitWidth - 1 - depth.leadingZeroBitCount), ProductTask.shortDepth)
                default: depth
                }
            bytesOfBlock = caches.secondLevel / 2
        }
    }

    /// Columns over which the copy of a block of so many rows of A pays off.
    ///
    /// Of tiles, each part of rows reads the weights once more and each part of columns rounds A once more: a bfloat16 of A
    /// then takes a third of the time of a weight, a byte of A as much as one.
    func leastColumns(rows: Int) -> Int {
        guard unit == .tiles else { return 512 }
        return max(128, type == .int8 ? rows : rows / 2)
    }

    /// The most rows, in tiles, of a block of that depth.
    package func mostRowTiles(depth: Int) -> Int {
        max(1, min(24, bytesOfBlock / (tileRows * depth * byteSize)))
    }

    func blockDepth(_ depth: Int) -> Int {
        min(mostDepth, max(4, unit == .multiplyAdds ? (depth + 3) / 4 * 4 : type.panelDepth(depth)))
    }

    func scratchCount(_ block: (rows: Int, depth: Int)) -> Int {
        switch unit {
        case .tiles: ProductTask.tileScratchCount(blockRows: block.rows, blockDepth: block.depth)
        case .dots, .shorts, .multiplyAdds:
            ProductTask.scratchCount(
                blockRows: block.rows, blockWords: block.depth * byteSize / 4, ofIntegers: isInteger)
        }
    }
}
