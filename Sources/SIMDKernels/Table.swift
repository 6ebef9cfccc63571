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
        let packFloatValues: AttentionKernel.Pack = { source, panels, _ in
            packRows(source, panels.assumingMemoryBound(to: Float.self))
        }
        let floatAttention = AttentionKernel(
            keyType: .float32, valueType: .float32, compute: attention,
            packKeys: { source, panels, _ in packTransposed(source, panels.assumingMemoryBound(to: Float.self)) },
            packValues: packFloatValues)
        #if KERNELS_V3 || KERNELS_V4
            let (dotProduct, shortProducts, roundsToBytes) = (
                dotsProduct, ShortProducts(dots: shortsDotProduct, pairs: shortsProduct), true
            )
            let dots: KernelTable.DotChains? = dotChains
            let tiles = TileKernels(
                product: tileProduct,
                attention: AttentionKernel(
                    keyType: .bfloat16, valueType: .bfloat16, compute: tileAttention, packKeys: packBrainKeys,
                    packValues: packBrainValues),
                chains: tileChains)
            let byteAttention: AttentionKernel? = AttentionKernel(
                keyType: .int8, valueType: .float32, compute: byteAttention, packKeys: packByteKeys,
                packValues: packFloatValues)
        #else
            let dotProduct: (@Sendable (borrowing ProductTask) -> Void)? = nil
            let shortProducts: ShortProducts? = nil
            let roundsToBytes = false
            let dots: KernelTable.DotChains? = nil
            let tiles: TileKernels? = nil
            let byteAttention: AttentionKernel? = nil
        #endif
        #if KERNELS_V4
            let dotAttention = DotAttention(
                brains: AttentionKernel(
                    keyType: .bfloat16, valueType: .bfloat16, compute: dotAttention, packKeys: packBrainKeys,
                    packValues: packBrainValues),
                bytes: AttentionKernel(
                    keyType: .int8, valueType: .bfloat16, compute: byteDotAttention, packKeys: packByteKeys,
                    packValues: packBrainValues))
        #else
            let dotAttention: DotAttention? = nil
        #endif
        return KernelTable(
            name: name, tileRows: tileRows, tileColumns: tileColumns, product: product, dotProduct: dotProduct,
            shortProducts: shortProducts, roundsToBytes: roundsToBytes, tiles: tiles, fewRowsProduct: fewRowsProduct,
            finish: finish,
            packTransposed: packTransposed, packRows: packRows, packPanel: packPanel,
            unpackTransposed: unpackTransposed,
            attention: floatAttention, byteAttention: byteAttention, dotAttention: dotAttention,
            rowAttention: rowAttention, unary: applyFunction,
            binary: binary, layerNorm: layerNorm, softmax: softmax, exponentialTotal: exponentialTotal,
            logNormalize: logNormalize, columnSums: columnSums, scaleColumns: scaleColumns, halfToFloat: halfToFloat,
            floatToHalf: floatToHalf,
            multiplyAddChains: multiplyAddChains, sumOfAll: sumOfAll, dotChains: dots)
    }
}
