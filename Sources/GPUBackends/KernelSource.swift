import KernelSources

/// The kernel files under Kernels/, which the binary carries, as programs.
package enum KernelSource: String, Hashable, Sendable, CaseIterable {
    case elementwise
    case movement
    case rows
    case product
    case attention
    /// Products and attention for processors: one work-item a block, vectors written out.
    case wide

    /// The text for OpenCL: the prelude's words, what the programs share, the kernels.
    package var openCLText: String { text(prelude: "OpenCL/Prelude.cl") }

    private func text(prelude: String) -> String {
        let parts = [prelude, "Portable/Functions.cl", file]
        return parts.map { "#line 1 \"\($0)\"\n" + Self.text(of: $0) }.joined(separator: "\n")
    }

    private var file: String {
        switch self {
        case .elementwise: "Portable/Elementwise.cl"
        case .movement: "Portable/Movement.cl"
        case .rows: "Portable/Rows.cl"
        case .product: "Portable/Product.cl"
        case .attention: "Portable/Attention.cl"
        case .wide: "OpenCL/Wide.cl"
        }
    }

    private static func text(of file: String) -> String {
        guard let source = kernelSourceNamed(file) else { preconditionFailure("Kernels/\(file) is not embedded") }
        return String(
            decoding: UnsafeRawBufferPointer(start: source.pointee.text, count: source.pointee.byteCount), as: UTF8.self
        )
    }
}
