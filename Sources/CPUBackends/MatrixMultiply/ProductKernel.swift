import SIMDKernelTable

/// What computes a product of weights of one type, and blocks for it that suit the caches.
package struct ProductKernel: Sendable {
    private let product: @Sendable (borrowing ProductTask) -> Void
    /// Rounds rows of A for several tasks, where a task would round them as often as there are parts of columns.
    let roundRows: (@Sendable (borrowing ProductTask) -> Void)?
    /// The kernel's register tile.
    package let tileRows: Int
    let tileColumns: Int
    /// The greatest depth of A that a task holds copied.
    package let mostDepth: Int
    /// The greatest depth of a panel's part, of tiles.
    package let mostPartDepth: Int
    private let bytesOfBlock: Int
    /// Of C that stays in the second level too while several blocks of depth add to it.
    private let bytesOfResult: Int
    /// Parts a thread, at least, of a product that is worth several threads.
    static let partsPerThread = 2
    /// Parts a thread where they cost little: a core that is shared with others, as those of virtual machines are, is at
    /// times half as fast as the rest, which wait for it at the end of each product. With these and the depth below,
    /// two threads of Zen 3 take 0.89 of the time of a pass in float32. What rounds A does so for each range of columns,
    /// and took longer.
    var mostPartsPerThread: Int { unit == .multiplyAdds ? 16 : Self.partsPerThread }
    /// Multiply-adds of such a part, a tenth of a millisecond or more.
    static let leastWork = 8_000_000.0
    /// Its tiles of rows, so that panels are read for some sixty rows.
    var leastRowTiles: Int { max(1, 64 / tileRows) }
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

    /// - Parameters:
    ///   - rows: of A.
    ///   - depth: its columns.
    package init(
        _ kernels: KernelTable, _ type: PanelType, rows: Int, depth: Int, caches: Processor.Caches
    ) {
        self.type = type
        // Of float32, weights become three bfloat16 each on the way, which takes as long as a few rows' multiply-adds.
        let suitsTiles = type != .float32 || rows > ProductTask.tileSpan / 2 && depth >= type.tileDepth
        let tiles = suitsTiles ? kernels.tiles : nil
        let product: @Sendable (borrowing ProductTask) -> Void
        if let tiles, let tileByteSize = type.tileByteSize {
            (unit, product, byteSize) = (.tiles, tiles.product, tileByteSize)
        } else if let dotProduct = kernels.dotProduct, kernels.dotTypes.contains(type) {
            (unit, product, byteSize) = (type == .int16 ? .shorts : .dots, dotProduct, type.byteSize)
        } else if type == .int16 {
            (unit, product, byteSize) = (.shorts, kernels.product, 2)
        } else if type == .int8, kernels.roundsToBytes {
            (unit, product, byteSize) = (.dots, kernels.product, 1)
        } else {
            (unit, product, byteSize) = (.multiplyAdds, kernels.product, type == .int8 ? 2 : 4)
        }
        (tileRows, tileColumns) =
            unit == .tiles ? (ProductTask.tileSpan, ProductTask.tileSpan) : (kernels.tileRows, kernels.tileColumns)
        isInteger = type.isInteger
        self.product = product
        roundRows = unit == .tiles ? tiles?.roundRows : nil
        if unit == .tiles {
            // The panel's part stays in the first level while all of a block's rows are multiplied with it, of which as
            // much passes through between its uses. Of float32 six products share each load.
            let share = type == .float32 ? caches.firstLevel * 2 / 3 : caches.firstLevel / 3
            let part = share / (tileColumns * byteSize) / type.tileDepth * type.tileDepth
            mostPartDepth = max(type.tileDepth, part)
            // Sums go to C and come back once a block of depth. With 2 MiB it has 2 KiB, and so 512 rows in half of
            // them.
            let depth = (caches.secondLevel >> 10) / byteSize / type.tileDepth * type.tileDepth
            mostDepth = max(type.tileDepth, depth)
            bytesOfBlock = caches.secondLevel / 2
            bytesOfResult = caches.secondLevel / 4
        } else {
            // As deep as the second level allows, so that C is touched seldom: a register tile reads 15 bytes a cycle,
            // less than that level gives. On Zen 5 with its 1 MiB, 4 KiB and half the cache are 7 to 10 % faster than
            // 1.3 KiB, which keep the panel's part in the first level, and a third; on Zen 3 with its 512 KiB, they
            // seemed 6 % faster than 2 KiB, and 60 rows of these are what half of it holds. Of bytes 2 KiB are enough.
            let most = 4 * ProductTask.mostWords(ofIntegers: isInteger)
            let depth = min(most, max(512, caches.secondLevel >> 7)) / byteSize / 64 * 64
            mostDepth =
                switch unit {
                case .multiplyAdds where type == .int8: min(depth, ProductTask.exactDepth)
                case .shorts: min(1 << (Int.bitWidth - 1 - depth.leadingZeroBitCount), ProductTask.shortDepth)
                default: depth
                }
            mostPartDepth = mostDepth
            bytesOfBlock = caches.secondLevel / 2
            bytesOfResult = .max
        }
    }

    /// Columns over which the copy of a block of rows of A pays off; where it is made once for all, what is left are
    /// reads of it.
    var leastColumns: Int { unit == .tiles ? 128 : 512 }

    /// The most columns of C with so many rows that several blocks of depth are to add to, or the other way round.
    func mostSums(across count: Int) -> Int { max(1, bytesOfResult / (4 * max(1, count))) }

    /// The most rows, in tiles, of a block of that depth.
    package func mostRowTiles(depth: Int) -> Int {
        max(1, min(24, bytesOfBlock / (tileRows * depth * byteSize)))
    }

    /// How deep blocks of a depth are; of tiles all about as deep, and of few rows deeper ones.
    func blockDepth(_ depth: Int, rows: Int = .max) -> Int {
        guard unit == .tiles else {
            return min(mostDepth, max(4, unit == .multiplyAdds ? (depth + 3) / 4 * 4 : type.panelDepth(depth)))
        }
        let most = bytesOfBlock / byteSize / max(1, rows) / type.tileDepth * type.tileDepth
        return evenly(depth, most: max(mostDepth, most))
    }

    /// The same of the parts of a panel.
    private func partDepth(_ blockDepth: Int) -> Int { evenly(blockDepth, most: mostPartDepth) }

    /// The depth of parts of at most so much, in whole tiles.
    private func evenly(_ depth: Int, most: Int) -> Int {
        let tileDepth = type.tileDepth
        let parts = max(1, (depth + most - 1) / most)
        return max(1, (depth + parts * tileDepth - 1) / (parts * tileDepth)) * tileDepth
    }

    func scratchCount(_ block: (rows: Int, depth: Int)) -> Int {
        switch unit {
        case .tiles:
            ProductTask.tileScratchCount(
                blockRows: block.rows, blockDepth: block.depth, partDepth: partDepth(block.depth), byteSize: byteSize)
        case .dots, .shorts, .multiplyAdds:
            ProductTask.scratchCount(
                blockRows: block.rows, blockWords: block.depth * byteSize / 4, ofIntegers: isInteger)
        }
    }

    /// Floats that `roundRows` fills for so many rows, which are a whole number of tiles: of integers two more a row.
    func tileRowsCount(_ rows: Int, depth: Int) -> Int {
        rows * ((depth + type.tileDepth - 1) / type.tileDepth * type.tileDepth * byteSize / 4 + 2)
    }

    func compute(_ task: consuming ProductTask) {
        task.partDepth = partDepth(task.blockDepth)
        product(task)
    }
}
