import TensorEngine

/// How to run other engines in turn with ours.
package struct PeerOptions: Equatable {
    package var areWanted = false
    /// Texts of which an engine's name must contain one; none for all engines.
    package var filters: [String] = []
    /// Of ours and theirs.
    package var precisions: [DType] = [.float32, .bfloat16, .float16, .int8]
    /// Times that each engine starts.
    package var roundCount = 3
    /// A program, by name or path.
    package var python = "python3"
    package var cachePath: String?
    package enum ComputeDevice: String, CaseIterable {
        case cpu, cuda
    }
    /// Where they compute.
    package var device = ComputeDevice.cpu

    /// OpenBLAS multiplies float32 alone; what is stored otherwise is multiplied as on `simd`.
    package func precisions(on device: Device) -> [DType] {
        device.kind == .openblas ? precisions.filter { $0 == .float32 } : precisions
    }

    package func wants(_ engine: String, precision: String) -> Bool {
        precisions.contains { $0.rawValue == precision }
            && (filters.isEmpty || filters.contains { engine.contains($0) })
    }
}
