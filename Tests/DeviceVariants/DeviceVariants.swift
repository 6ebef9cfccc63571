import Backends
import GPUBackends
import TensorEngine

/// A device, or one of its ways to compute, for tests that run on each.
package struct DeviceVariant: Sendable {
    package let name: String
    package let backend: Result<any Backend, any Error>

    /// Every device of the registry, `simd` by each instruction set, and `opencl` by each shape of kernels, their
    /// storages with guard bytes. Of those that would do the same, the first.
    ///
    /// - Parameter threadCount: of CPU devices; by default as many as there are cores.
    package static func all(threadCount: Int? = nil) -> [DeviceVariant] {
        func variant(
            _ name: String, _ device: Device, instructionSet: String? = nil, kernelShape: String? = nil
        ) -> DeviceVariant {
            let options = BackendOptions(
                threadCount: threadCount, instructionSet: instructionSet, kernelShape: kernelShape, guardByteCount: 64)
            return DeviceVariant(name: name, backend: Result { try BackendRegistry.open(device, options: options) })
        }
        let variants =
            BackendRegistry.entries.map { variant($0.kind.rawValue, Device($0.kind)) }
            + BackendRegistry.instructionSets.map { variant("simd \($0)", .simd, instructionSet: $0) }
            + BackendRegistry.kernelShapes.map { variant("opencl \($0)", .opencl(), kernelShape: $0) }
        var seen: Set<Way> = []
        return variants.filter { variant in (try? variant.backend.get()).map { seen.insert(Way($0)).inserted } ?? true }
    }

    /// What tells backends apart that compute in different ways.
    private struct Way: Hashable {
        let summary: String
        let shape: KernelShape?

        init(_ backend: any Backend) {
            (summary, shape) = (backend.summary, (backend as? GPUBackend)?.shape)
        }
    }
}
