import TensorEngine

/// What a group of threads computes of a product on tensor cores: so many rows and columns.
package struct TensorTile: Hashable, Sendable {
    /// Who computes it.
    package enum Kind: Sendable {
        case warps
        /// A warpgroup for 64 rows, and one that fills shared memory.
        case warpgroups
        /// Two warpgroups side by side that hold whole rows, which they norm.
        case wholeRows
    }

    package let kind: Kind
    package let rows: Int
    package let columns: Int

    /// Larger ones first: they read less for each product, but smaller ones keep more of a GPU at work.
    package static let ofWarps = [(128, 128), (64, 64), (64, 80)].map {
        TensorTile(kind: .warps, rows: $0.0, columns: $0.1)
    }
    package static let ofWarpgroups = [(128, 256), (128, 128), (64, 64), (64, 80)].map {
        TensorTile(kind: .warpgroups, rows: $0.0, columns: $0.1)
    }
    package static let ofWholeRows = TensorTile(kind: .wholeRows, rows: 64, columns: 512)

    /// The largest tile that gives most of the multiprocessors something to do, and doesn't pad the columns much.
    static func suiting(_ product: Product, usesWarpgroups: Bool, computeUnitCount: Int) -> TensorTile {
        let tiles = usesWarpgroups && product.isAligned ? ofWarpgroups : ofWarps
        let widths = tiles.map { $0.paddedWidth(product.n) }
        let least = widths.min() ?? 0
        let candidates = zip(tiles, widths).filter { $1 * 10 <= least * 11 }.map(\.0)
        let wanted = computeUnitCount * 3 / 4
        return candidates.first { $0.count(m: product.m, n: product.n) * product.batches >= wanted }
            ?? candidates.last { $0.columns == 64 } ?? candidates.last ?? tiles[0]
    }

    /// Whether a norm over the rows is cheaper in the product than after it: where the columns fill the tile, and the
    /// tiles half of the multiprocessors.
    static func canNorm(_ product: Product, computeUnitCount: Int) -> Bool {
        let tile = ofWholeRows
        return product.isAligned && product.weightType != .float32 && product.weightType != .int8
            && product.batches == 1 && product.n > tile.columns / 2 && product.n <= tile.columns
            && tile.count(m: product.m, n: product.n) >= computeUnitCount / 2
    }

    private func paddedWidth(_ n: Int) -> Int { (n + columns - 1) / columns * columns }

    package func count(m: Int, n: Int) -> Int { (m + rows - 1) / rows * (paddedWidth(n) / columns) }

    // MARK: Programs

    package var threadCount: Int { kind == .warps ? 32 * warpRows * warpColumns : 128 * (consumers + 1) }

    private var consumers: Int { kind == .wholeRows ? 2 : rows / 64 }
    private var stages: Int { kind == .wholeRows ? 3 : 4 }
    private var warpRows: Int { columns == 80 ? 4 : 2 }
    private var warpColumns: Int { columns == 80 ? 1 : columns / 32 }

    /// Shared memory of a group of `WarpgroupProduct.cu`: stages of rows of 128 bytes, up to 1024 bytes before them for
    /// their alignment, and behind them where the rows begin and two barriers a stage.
    package var sharedByteCount: Int {
        kind == .warps ? 0 : 1024 + stages * (rows + columns) * 128 + 8 * (rows + columns + 2 * stages)
    }

    /// The product of factors of 16 bits.
    package func program(_ weightType: DType) -> GPUProgram {
        let (weight, compute) = (weightType.weightCode, weightType.computeCode)
        guard kind != .warps else {
            return GPUProgram(
                .tensorProduct,
                [
                    "LANES": 1, "WEIGHT_TYPE": weight, "COMPUTE_TYPE": compute, "TILE_M": rows, "TILE_N": columns,
                    "WARPS_M": warpRows, "WARPS_N": warpColumns,
                ])
        }
        let isWhole = kind == .wholeRows
        return GPUProgram(
            .warpgroupProduct,
            [
                "LANES": 1, "WEIGHT_TYPE": weight, "COMPUTE_TYPE": compute, "CONSUMERS": consumers,
                "GROUP_N": isWhole ? columns / consumers : columns, "HAS_NORM": isWhole ? 1 : 0, "STAGES": stages,
            ], sharedByteCount: sharedByteCount)
    }
}

extension Product {
    /// Whether rows and weights begin where warpgroups' copies of 16 bytes may.
    fileprivate var isAligned: Bool {
        rowStride.isMultiple(of: 4) && batchStride.isMultiple(of: 4) && depth.isMultiple(of: 8)
    }
}
