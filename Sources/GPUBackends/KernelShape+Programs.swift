import TensorEngine

/// The programs that a backend launches, and nowhere else: the tests compile them from here.
extension KernelShape {
    /// Numbers that a group handles in element-wise kernels.
    static let block = 4096

    var elementwiseProgram: GPUProgram { GPUProgram(.elementwise, ["LANES": lanes, "BLOCK": Self.block]) }

    var movementProgram: GPUProgram { GPUProgram(.movement, ["LANES": lanes, "BLOCK": Self.block]) }

    var rowsProgram: GPUProgram { GPUProgram(.rows, ["LANES": lanes, "GROUP_SIZE": groupSize]) }

    /// - Parameter weights: what the right side's numbers are stored as.
    func productProgram(weights: DType) -> GPUProgram {
        switch product {
        case .tiled(let rows, let columns, let depth, let threadRows, let threadColumns):
            GPUProgram(
                .product,
                [
                    "LANES": 1, "WEIGHT_TYPE": weights.weightCode, "TILE_M": rows, "TILE_N": columns, "TILE_K": depth,
                    "THREAD_M": threadRows, "THREAD_N": threadColumns,
                ])
        case .wide(let tileRows, let blockTiles, let blockDepth):
            GPUProgram(
                .wideProduct,
                [
                    "LANES": lanes, "WEIGHT_TYPE": weights.weightCode, "TILE_ROWS": tileRows,
                    "BLOCK_TILES": blockTiles, "BLOCK_DEPTH": blockDepth,
                ])
        }
    }

    /// - Returns: also how many queries a group takes.
    func attentionProgram(headSize: Int) -> (program: GPUProgram, queries: Int) {
        switch product {
        case .tiled:
            // Local memory holds the queries, a tile of keys or values and the scores.
            let queries = 32
            let byteCount = { (keys: Int) in 4 * (queries * (headSize + 1 + keys + 1) + keys * (headSize + 1)) }
            let keys = [32, 16, 8, 4].first { byteCount($0) <= localMemoryByteCount } ?? 4
            let program = GPUProgram(
                .attention,
                [
                    "LANES": 1, "HEAD_SIZE": headSize, "QUERIES": queries, "KEYS": keys,
                    "PART_FIELDS": AttentionParts.fields,
                ])
            return (program, queries)
        case .wide(let tileRows, _, _):
            let keyBlock = 256
            let padded = (headSize + panel - 1) / panel * panel
            let rowByteCount = 4 * (padded + 16 + padded + keyBlock + 16 + 2)
            let tiles = max(1, min(84 / tileRows, localMemoryByteCount * 2 / 3 / rowByteCount / tileRows))
            let program = GPUProgram(
                .wideAttention,
                [
                    "LANES": lanes, "WEIGHT_TYPE": 0, "TILE_ROWS": tileRows, "HEAD_SIZE": headSize,
                    "QUERY_ROWS": tiles * tileRows, "KEY_BLOCK": keyBlock, "PART_FIELDS": AttentionParts.fields,
                ])
            return (program, tiles * tileRows)
        }
    }

    /// All of them, for heads of these sizes.
    package func programs(headSizes: some Sequence<Int>) -> [GPUProgram] {
        [elementwiseProgram, movementProgram, rowsProgram]
            + [DType.float32, .float16, .bfloat16, .int8].map(productProgram)
            + headSizes.map { attentionProgram(headSize: $0).program }
    }
}
