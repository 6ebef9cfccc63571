import TensorEngine

/// Every program that is ever compiled, with the sizes that it is compiled with.
extension KernelShape {
    /// Numbers that a group of the element-wise kernels handles.
    static let block = 4096

    package var elementwise: GPUProgram { GPUProgram(.elementwise, ["LANES": lanes, "BLOCK": Self.block]) }
    package var movement: GPUProgram { GPUProgram(.movement, ["LANES": lanes, "BLOCK": Self.block]) }
    package var rows: GPUProgram { GPUProgram(.rows, ["LANES": lanes, "GROUP_SIZE": groupSize]) }

    /// The product with a weight of that type, of float32 sums and factors.
    package func product(_ weightType: DType) -> GPUProgram {
        switch product {
        case .tiled(let rows, let columns, let depth, let threadRows, let threadColumns):
            GPUProgram(
                .product,
                [
                    "LANES": 1, "WEIGHT_TYPE": weightType.weightCode, "TILE_M": rows, "TILE_N": columns,
                    "TILE_K": depth, "THREAD_M": threadRows, "THREAD_N": threadColumns,
                ])
        case .wide(let tileRows, let blockTiles, let blockDepth):
            GPUProgram(
                .wideProduct,
                [
                    "LANES": lanes, "WEIGHT_TYPE": weightType.weightCode, "TILE_ROWS": tileRows,
                    "BLOCK_TILES": blockTiles, "BLOCK_DEPTH": blockDepth,
                ])
        }
    }

    // MARK: Attention

    /// Queries of a group of the tiled attention, and threads that share a query.
    static let tiledQueries = 32
    static let threadsPerQuery = 4
    private static let wideKeyBlock = 256

    /// Queries that a group of `attention(headSize:)` handles at a time.
    func attentionQueries(headSize: Int) -> Int {
        guard case .wide(let tileRows, _, _) = product else { return Self.tiledQueries }
        let padded = (headSize + panel - 1) / panel * panel
        let rowByteCount = 4 * (padded + 16 + padded + Self.wideKeyBlock + 16 + 2)
        return max(1, min(84 / tileRows, localMemoryByteCount * 2 / 3 / rowByteCount / tileRows)) * tileRows
    }

    package func attention(headSize: Int) -> GPUProgram {
        switch product {
        case .tiled:
            // Local memory holds the queries, a tile of keys or values and the scores.
            let queries = Self.tiledQueries
            let byteCount = { (keys: Int) in 4 * (queries * (headSize + 1 + keys + 1) + keys * (headSize + 1)) }
            let keys = [32, 16, 8, 4].first { byteCount($0) <= localMemoryByteCount } ?? 4
            return GPUProgram(
                .attention,
                [
                    "LANES": 1, "HEAD_SIZE": headSize, "QUERIES": queries, "KEYS": keys,
                    "PART_FIELDS": AttentionParts.fields,
                ])
        case .wide(let tileRows, _, _):
            return GPUProgram(
                .wideAttention,
                [
                    "LANES": lanes, "WEIGHT_TYPE": 0, "TILE_ROWS": tileRows, "HEAD_SIZE": headSize,
                    "QUERY_ROWS": attentionQueries(headSize: headSize), "KEY_BLOCK": Self.wideKeyBlock,
                    "PART_FIELDS": AttentionParts.fields,
                ])
        }
    }

    /// Attention over listed rows.
    package func rowAttention(headSize: Int) -> GPUProgram {
        GPUProgram(.rowAttention, ["LANES": lanes, "HEAD_SIZE": headSize, "KEYS": 256])
    }

    /// Attention on tensor cores, of factors of 16 bits; for head sizes of whole eights.
    package static func tensorAttention(_ type: DType, headSize: Int, queries: Int) -> GPUProgram {
        GPUProgram(
            .tensorAttention,
            [
                "LANES": 1, "COMPUTE_TYPE": type.computeCode, "HEAD_SIZE": headSize,
                "QUERIES": queries, "PART_FIELDS": AttentionParts.fields,
            ])
    }

    /// Queries that a group of `tensorAttention` may have, which has two threads for each; as many as fit into shared
    /// memory.
    private static func tensorQueries(headSize: Int) -> [Int] { headSize <= 128 ? [64, 128] : [64] }

    /// The most where that leaves enough groups, since each reads all keys and values once.
    static func tensorQueries(rows: Int, heads: Int, headSize: Int, computeUnitCount: Int) -> Int {
        tensorQueries(headSize: headSize).last { rows / $0 * heads >= 2 * computeUnitCount } ?? 64
    }

    // MARK: Ahead

    /// What a model of XLS-R's shapes begins with, whichever library of products there is: others are compiled when
    /// they are used.
    package func likelyPrograms(headSize: Int, precision: Precision) -> [GPUProgram] {
        let (always, type) = ([elementwise, movement, rows], precision.sensitiveWeights)
        guard usesTensorCores && type != .float32 else {
            return always + [product(type), attention(headSize: headSize)]
        }
        let attention =
            headSize.isMultiple(of: 8)
            ? Self.tensorAttention(type, headSize: headSize, queries: 64) : attention(headSize: headSize)
        // The first convolution, whose rows aren't aligned; the others; the last of them and the positional one.
        let warpgroups = [TensorTile.ofWholeRows] + TensorTile.ofWarpgroups.filter { $0.rows == $0.columns }
        return always + [attention, TensorTile.ofWarps[0].program(type)]
            + (usesWarpgroups ? warpgroups.map { $0.program(type) } : [])
    }

    // MARK: All

    /// Every program of this shape, for heads of these sizes.
    package func programs(headSizes: [Int]) -> [GPUProgram] {
        [elementwise, movement, rows] + [DType.float32, .float16, .bfloat16, .int8].map(product)
            + headSizes.map(attention(headSize:)) + headSizes.map(rowAttention(headSize:))
    }

    /// Every program for tensor cores, for heads of these sizes.
    package static func tensorPrograms(headSizes: [Int]) -> [GPUProgram] {
        let products = [DType.float16, .bfloat16, .int8].flatMap { type in
            TensorTile.ofWarps.map { $0.program(type) }
        }
        let sizes = headSizes.filter { $0.isMultiple(of: 8) }
        return products
            + [DType.float16, .bfloat16].flatMap { type in
                sizes.flatMap { size in
                    tensorQueries(headSize: size).map { tensorAttention(type, headSize: size, queries: $0) }
                }
            }
    }

    /// Every program for warpgroups.
    package static var warpgroupPrograms: [GPUProgram] {
        [DType.float16, .bfloat16, .int8].flatMap { type in TensorTile.ofWarpgroups.map { $0.program(type) } }
            + [DType.float16, .bfloat16].map(TensorTile.ofWholeRows.program)
    }
}

extension DType {
    /// `WEIGHT_TYPE` of the kernels.
    var weightCode: Int {
        switch self {
        case .float32, .int32: 0
        case .float16: 1
        case .bfloat16: 2
        case .int8: 3
        }
    }

    /// `COMPUTE_TYPE` of the kernels for tensor cores: int8 is exact in bfloat16.
    var computeCode: Int { self == .float16 ? 1 : 2 }
}
