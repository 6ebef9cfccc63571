import CUDAShim
import TensorEngine

extension CUDADriver {
    /// nil when it isn't wanted; a failure without a library, or when it doesn't start: our own products serve then.
    /// - Throws: `TensorError` of kind `deviceUnavailable` when TF32 is asked for, which ours don't have.
    static func products(
        _ library: Result<CUBLASLt, any Error>?, device: Device, usesTF32: Bool
    ) throws -> Result<CUBLASLtProducts, any Error>? {
        guard usesTF32 else {
            return library.map { library in
                Result { try CUBLASLtProducts(library.get(), device: device, usesTF32: false) }
            }
        }
        guard let library = try library?.get() else {
            throw TensorError(
                .deviceUnavailable, operation: "open", "TF32 is cuBLASLt's, and that is turned off", device: device,
                remedy: "leave XLSR_CUBLASLT=0 out, or use f32")
        }
        return .success(
            try openingCUDA(device) { try CUBLASLtProducts(library, device: device, usesTF32: true) })
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
