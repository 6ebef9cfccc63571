import SIMDKernelTable

/// The kernels of this copy's instruction set.
public enum Kernels {
    public static var table: KernelTable {
        #if KERNELS_V4
            let name = "AVX-512"
        #elseif KERNELS_V3
            let name = "AVX2"
        #elseif arch(arm64)
            let name = "NEON"
        #else
            let name = "baseline"
        #endif
        let floatAttention = AttentionKernel(
            keys: .float32, values: .float32, compute: attention,
            packKeys: { source, panels, _ in packTransposed(source, panels.assumingMemoryBound(to: Float.self)) },
            packValues: { source, panels, _ in packRows(source, panels.assumingMemoryBound(to: Float.self)) })
        #if KERNELS_V3 || KERNELS_V4
            let (dotProduct, roundsToBytes) = (dotsProduct, true)
            let dots: KernelTable.DotChains? = dotChains
            let tiles = TileKernels(
                product: tileProduct, roundRows: roundTileRows, roundToBrains: floatToBrain,
                attention: AttentionKernel(
                    keys: .bfloat16, values: .bfloat16, compute: tileAttention, packKeys: packBrainKeys,
                    packValues: packBrainValues),
                chains: tileChains)
            let shortDotAttention = DotAttention(
                AttentionKernel(
                    keys: .int16, values: .int16, compute: shortDotAttention, packKeys: packShortKeys,
                    packValues: packShortValues),
                bytes: AttentionKernel(
                    keys: .int8, values: .int16, compute: byteShortAttention, packKeys: packByteKeys,
                    packValues: packShortValues))
            let shortAttention = AttentionKernel(
                keys: .int16, values: .int16, compute: shortAttention, packKeys: packShortKeys,
                packValues: packShortValues)
        #else
            #if arch(arm64)
                let dotProduct = bytesDotProduct
                let dots: KernelTable.DotChains? = dotChains
            #else
                let dotProduct: (@Sendable (borrowing ProductTask) -> Void)? = nil
                let dots: KernelTable.DotChains? = nil
            #endif
            let roundsToBytes = false
            let tiles: TileKernels? = nil
            let shortDotAttention: DotAttention? = nil
            let shortAttention: AttentionKernel? = nil
        #endif
        #if KERNELS_V4
            let dotAttention = DotAttention(
                AttentionKernel(
                    keys: .bfloat16, values: .bfloat16, compute: dotAttention, packKeys: packBrainKeys,
                    packValues: packBrainValues),
                bytes: AttentionKernel(
                    keys: .int8, values: .bfloat16, compute: byteDotAttention, packKeys: packByteKeys,
                    packValues: packBrainValues))
        #else
            let dotAttention: DotAttention? = nil
        #endif
        return KernelTable(
            name: name, tileRows: tileRows, tileColumns: tileColumns, product: product, dotProduct: dotProduct,
            roundsToBytes: roundsToBytes, tiles: tiles, fewRowsProduct: fewRowsProduct,
            finish: finish,
            packTransposed: packTransposed, packRows: packRows, packPanel: packPanel,
            unpackPanels: unpackPanels,
            attention: floatAttention, dotAttention: dotAttention,
            shortDotAttention: shortDotAttention, shortAttention: shortAttention,
            rowAttention: rowAttention, unary: applyFunction,
            binary: binary, layerNorm: layerNorm, softmax: softmax, exponentialTotal: exponentialTotal,
            logNormalize: logNormalize, columnSums: columnSums, scaleColumns: scaleColumns, halfToFloat: halfToFloat,
            floatToHalf: floatToHalf,
            multiplyAddChains: multiplyAddChains, sumOfAll: sumOfAll, dotChains: dots)
    }
}
