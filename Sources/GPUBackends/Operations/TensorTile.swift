import TensorEngine

/// What a group of threads computes of a product on tensor cores: so many rows and columns.
package struct TensorTile: Hashable, Sendable {
    package let rows: Int
    package let columns: Int
    /// By the kernel for warpgroups, or by that for warps.
    package let isOfWarpgroups: Bool

    /// Larger ones first: they read less for each product, but smaller ones keep more of a GPU at work.
    package static let ofWarps = [(128, 128), (64, 64), (64, 80)].map {
        TensorTile(rows: $0.0, columns: $0.1, isOfWarpgroups: false)
    }
    package static let ofWarpgroups = [(128, 256), (128, 128), (64, 64), (64, 80)].map {
        TensorTile(rows: $0.0, columns: $0.1, isOfWarpgroups: true)
    }

    /// The largest tile that gives most of the multiprocessors something to do, and doesn't pad the columns much.
    static func suiting(_ product: Product, usesWarpgroups: Bool, computeUnitCount: Int) -> TensorTile {
        // What the copies of 16 bytes need.
        let isAligned =
            product.rowStride.isMultiple(of: 4) && product.batchStride.isMultiple(of: 4)
            && product.depth.isMultiple(of: 8)
        let tiles = usesWarpgroups && isAligned ? ofWarpgroups : ofWarps
        let widths = tiles.map { $0.paddedWidth(product.n) }
        let least = widths.min() ?? 0
        let candidates = zip(tiles, widths).filter { $1 * 10 <= least * 11 }.map(\.0)
        let wanted = computeUnitCount * 3 / 4
        return candidates.first { $0.count(m: product.m, n: product.n) * product.batches >= wanted }
            ?? candidates.last { $0.columns == 64 } ?? candidates.last ?? tiles[0]
    }

    private func paddedWidth(_ n: Int) -> Int { (n + columns - 1) / columns * columns }

    func count(m: Int, n: Int) -> Int { (m + rows - 1) / rows * (paddedWidth(n) / columns) }

    // MARK: Programs

    /// Four warps, eight for the largest; or a consuming warpgroup for 64 rows, and one that fills shared memory.
    var threadCount: Int { isOfWarpgroups ? 128 * (consumers + 1) : 32 * warpRows * warpColumns }

    private var consumers: Int { rows / 64 }
    private var warpRows: Int { columns == 80 ? 4 : 2 }
    private var warpColumns: Int { columns == 80 ? 1 : columns / 32 }

    /// Shared memory of a group of `WarpgroupProduct.cu`: four stages of rows of 128 bytes, up to 1024 bytes before them
    /// for their alignment, and behind them where the rows begin and eight barriers.
    package var sharedByteCount: Int {
        isOfWarpgroups ? 1024 + 4 * (rows + columns) * 128 + 8 * (rows + columns + 8) : 0
    }

    /// The product of factors of 16 bits.
    package func program(_ weightType: DType) -> GPUProgram {
        let (weight, compute) = (weightType.weightCode, weightType.computeCode)
        guard isOfWarpgroups else {
            return GPUProgram(
                .tensorProduct,
                [
                    "LANES": 1, "WEIGHT_TYPE": weight, "COMPUTE_TYPE": compute, "TILE_M": rows, "TILE_N": columns,
                    "WARPS_M": warpRows, "WARPS_N": warpColumns,
                ])
        }
        return GPUProgram(
            .warpgroupProduct,
            [
                "LANES": 1, "WEIGHT_TYPE": weight, "COMPUTE_TYPE": compute, "CONSUMERS": consumers,
                "TILE_N": columns,
            ], sharedByteCount: sharedByteCount)
    }
}
