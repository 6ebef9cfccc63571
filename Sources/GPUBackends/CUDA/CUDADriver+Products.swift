import CUDAShim
import TensorEngine

extension CUDADriver {
    /// nil without a library, or when it doesn't start: our own products serve then.
    /// - Throws: `TensorError` of kind `deviceUnavailable` when TF32 is asked for, which ours don't have.
    static func products(_ library: CUBLASLt?, device: Device, usesTF32: Bool) throws -> CUBLASLtProducts? {
        guard usesTF32 else { return try? library.map { try CUBLASLtProducts($0, device: device, usesTF32: false) } }
        guard let library else {
            throw TensorError(
                .deviceUnavailable, operation: "open", "TF32 is cuBLASLt's, and that is turned off", device: device,
                remedy: "leave XLSR_CUBLASLT=0 out, or use f32")
        }
        return try openingCUDA(device) { try CUBLASLtProducts(library, device: device, usesTF32: true) }
    }

    package func workspaceByteCount(for product: LibraryProduct) throws -> Int? {
        try makeCurrent("product")
        return try state.withLock { try $0.products?.workspaceByteCount(for: product) }
    }

    package func multiply(_ product: LibraryProduct, _ operands: LibraryOperands) throws -> Bool {
        try makeCurrent("product")
        let stream = (recordingStream ?? stream).pointer
        return try state.withLock { try $0.products?.multiply(product, operands, stream: stream) ?? false }
    }
}
