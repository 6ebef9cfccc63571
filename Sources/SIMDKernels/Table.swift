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
        #if KERNELS_V3 || KERNELS_V4
            let (tileProduct, dotProduct) = (tileProduct, dotsProduct)
        #else
            let none: (@Sendable (borrowing ProductTask) -> Void)? = nil
            let (tileProduct, dotProduct) = (none, none)
        #endif
        return KernelTable(
            name: name, tileRows: tileRows, tileColumns: tileColumns, product: product, tileProduct: tileProduct,
            dotProduct: dotProduct,
            fewRowsProduct: fewRowsProduct, finish: finish,
            packTransposed: packTransposed,
            packRows: packRows, packPanel: packPanel, unpackTransposed: unpackTransposed,
            attention: attention, rowAttention: rowAttention, unary: applyFunction,
            binary: binary, layerNorm: layerNorm, softmax: softmax, logSoftmax: logSoftmax, columnSums: columnSums,
            scaleColumns: scaleColumns, halfToFloat: halfToFloat, floatToHalf: floatToHalf,
            multiplyAddChains: multiplyAddChains, sumOfAll: sumOfAll)
    }
}
