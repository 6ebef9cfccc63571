import KernelSources

/// The programs that the kernel files under Kernels/, which the binary carries, make up.
package enum KernelSource: String, Hashable, Sendable, CaseIterable {
    case elementwise
    case movement
    case rows
    case product
    case attention
    /// Attention over listed rows.
    case rowAttention
    /// Products on NVIDIA's tensor cores.
    case tensorProduct
    /// Products by the warpgroups of compute capability 9.0.
    case warpgroupProduct
    /// Attention on NVIDIA's tensor cores.
    case tensorAttention
    /// Products for processors.
    case wideProduct
    /// Attention for processors.
    case wideAttention

    /// The text for OpenCL; not of those for tensor cores: the prelude's words, what the programs share, the kernels.
    package var openCLText: String { text(prelude: "OpenCL/Prelude.cl") }

    /// The text for NVRTC; not of those for processors.
    package var cudaText: String { text(prelude: "CUDA/Prelude.cu") }

    private func text(prelude: String) -> String {
        ([prelude, "Portable/Functions.cl"] + files).map { "#line 1 \"\($0)\"\n" + Self.text(of: $0) }
            .joined(separator: "\n")
    }

    private var files: [String] {
        switch self {
        case .elementwise: ["Portable/Elementwise.cl"]
        case .movement: ["Portable/Movement.cl"]
        case .rows: ["Portable/Rows.cl"]
        case .product: ["Portable/Weights.cl", "Portable/Product.cl"]
        case .attention: ["Portable/Attention.cl"]
        case .rowAttention: ["Portable/RowAttention.cl"]
        case .tensorProduct:
            ["Portable/Weights.cl", "CUDA/TensorCore.cu", "CUDA/TensorTile.cu", "CUDA/TensorProduct.cu"]
        case .warpgroupProduct:
            [
                "Portable/Weights.cl", "CUDA/TensorCore.cu", "CUDA/TensorTile.cu", "CUDA/Warpgroup.cu",
                "CUDA/WarpgroupProduct.cu",
            ]
        case .tensorAttention: ["CUDA/TensorCore.cu", "CUDA/TensorAttention.cu"]
        case .wideProduct: ["Portable/Weights.cl", "OpenCL/Tile.cl", "OpenCL/WideProduct.cl"]
        case .wideAttention: ["OpenCL/Tile.cl", "OpenCL/WideAttention.cl"]
        }
    }

    private static func text(of file: String) -> String {
        guard let source = kernelSourceNamed(file)?.pointee else {
            preconditionFailure("Kernels/\(file) is not embedded")
        }
        return String(decoding: UnsafeBufferPointer(start: source.text, count: source.byteCount), as: UTF8.self)
    }
}
