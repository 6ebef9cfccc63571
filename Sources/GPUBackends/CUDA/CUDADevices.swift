import CUDAShim
import TensorEngine

/// A GPU that the driver shows; `CUDA_VISIBLE_DEVICES` chooses which and in what order.
package struct CUDADevice: Sendable {
    package var ordinal: Int32
    package var properties: GPUProperties
    /// Compute capability as 10 · major + minor.
    package var capability: Int
}

extension CUDADevice {
    /// Every GPU: `cuda:i` is the i-th.
    /// - Throws: `TensorError` of kind `deviceUnavailable` when there is none.
    package static func all(of library: CUDALibrary) throws -> [CUDADevice] {
        let functions = library.functions
        let device = Device.cuda()
        let initialized = functions.pointee.cuInit(0)
        guard initialized != cudaNoDevice.rawValue else { return [] }
        try library.check(initialized, "cuInit", device)
        let version = try library.integer("cuDriverGetVersion", device) { functions.pointee.cuDriverGetVersion(&$0) }
        let count = try library.integer("cuDeviceGetCount", device) { functions.pointee.cuDeviceGetCount(&$0) }
        return try (0..<count).map { index in
            let device = Device.cuda(index)
            let ordinal = Int32(
                try library.integer("cuDeviceGet", device) { functions.pointee.cuDeviceGet(&$0, Int32(index)) })
            func attribute(_ name: CUDADeviceAttribute) throws -> Int {
                try library.integer("cuDeviceGetAttribute", device) {
                    functions.pointee.cuDeviceGetAttribute(&$0, name.rawValue, ordinal)
                }
            }
            var name = [CChar](repeating: 0, count: 256)
            try library.check(
                functions.pointee.cuDeviceGetName(&name, Int32(name.count - 1), ordinal), "cuDeviceGetName", device)
            var byteCount = 0
            try library.check(
                functions.pointee.cuDeviceTotalMem_v2(&byteCount, ordinal), "cuDeviceTotalMem", device)
            let capability =
                10 * (try attribute(cudaComputeCapabilityMajor)) + (try attribute(cudaComputeCapabilityMinor))
            return CUDADevice(
                ordinal: ordinal,
                properties: GPUProperties(
                    kind: .gpu,
                    name: String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self),
                    vendor: "NVIDIA", driverVersion: "\(version / 1000).\(version % 1000 / 10)",
                    platform: "CUDA, compute capability \(capability / 10).\(capability % 10)", extensions: [],
                    computeUnitCount: try attribute(cudaMultiprocessorCount), memoryByteCount: byteCount,
                    largestBlockByteCount: byteCount, localMemoryByteCount: try attribute(cudaSharedMemoryByteCount),
                    largestGroupSize: try attribute(cudaLargestGroupSize), hasTensorCores: capability >= 80),
                capability: capability)
        }
    }

    /// The device of an index.
    /// - Throws: `TensorError` of kind `deviceUnavailable` unless it is there.
    static func at(_ index: Int, of library: CUDALibrary) throws -> CUDADevice {
        let devices = try all(of: library)
        guard devices.indices.contains(index) else {
            throw TensorError(
                .deviceUnavailable, operation: "open",
                devices.isEmpty
                    ? "the NVIDIA driver shows no GPU"
                    : "there \(devices.count == 1 ? "is one GPU" : "are \(devices.count) GPUs")",
                device: .cuda(index),
                remedy: devices.isEmpty
                    ? "see nvidia-smi, and CUDA_VISIBLE_DEVICES"
                    : "use \(devices.indices.map { "\(Device.cuda($0))" }.joined(separator: ", "))")
        }
        return devices[index]
    }
}
