import CUDAShim
import TensorEngine

/// A GPU that the driver shows; `CUDA_VISIBLE_DEVICES` chooses which and in what order.
package struct CUDADevice: Sendable {
    /// The i of `cuda:i`.
    package var index: Int
    var ordinal: Int32
    package var properties: GPUProperties
    /// Compute capability as 10 · major + minor.
    package var capability: Int
    /// The newest CUDA that the driver takes, as 1000 · major + 10 · minor.
    package var driverVersion: Int
}

extension CUDADevice {
    /// Every GPU: `cuda:i` is the i-th.
    /// - Throws: `TensorError` of kind `deviceUnavailable` when the driver doesn't work.
    package static func all(of library: CUDALibrary) throws -> [CUDADevice] {
        let functions = library.functions.pointee
        return try openingCUDA(.cuda()) {
            let initialized = functions.cuInit(0)
            guard initialized != cudaNoDevice.rawValue else { return [] }
            try library.check(initialized, "cuInit", .cuda())
            let version = try library.integer("cuDriverGetVersion", .cuda()) { functions.cuDriverGetVersion(&$0) }
            let count = try library.integer("cuDeviceGetCount", .cuda()) { functions.cuDeviceGetCount(&$0) }
            return try (0..<count).map { try CUDADevice(index: $0, of: library, driverVersion: version) }
        }
    }

    private init(index: Int, of library: CUDALibrary, driverVersion: Int) throws {
        let (functions, device) = (library.functions.pointee, Device.cuda(index))
        let ordinal = Int32(
            try library.integer("cuDeviceGet", device) { functions.cuDeviceGet(&$0, Int32(index)) })
        func attribute(_ name: CUDADeviceAttribute) throws -> Int {
            try library.integer("cuDeviceGetAttribute", device) {
                functions.cuDeviceGetAttribute(&$0, name.rawValue, ordinal)
            }
        }
        var name = [CChar](repeating: 0, count: 256)
        try library.check(functions.cuDeviceGetName(&name, Int32(name.count - 1), ordinal), "cuDeviceGetName", device)
        var byteCount = 0
        try library.check(functions.cuDeviceTotalMem_v2(&byteCount, ordinal), "cuDeviceTotalMem", device)
        self.index = index
        self.ordinal = ordinal
        self.driverVersion = driverVersion
        capability = 10 * (try attribute(cudaComputeCapabilityMajor)) + (try attribute(cudaComputeCapabilityMinor))
        properties = GPUProperties(
            kind: .gpu,
            name: String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self),
            vendor: "NVIDIA", driverVersion: "\(driverVersion / 1000).\(driverVersion % 1000 / 10)",
            platform: "CUDA, compute capability \(capability / 10).\(capability % 10)", extensions: [],
            computeUnitCount: try attribute(cudaMultiprocessorCount), memoryByteCount: byteCount,
            largestBlockByteCount: byteCount, localMemoryByteCount: try attribute(cudaSharedMemoryByteCount),
            largestGroupSize: try attribute(cudaLargestGroupSize), hasTensorCores: capability >= 80)
    }

    /// Whether `cuda` can be opened, as far as can be told without doing it.
    package static var firstIsUsable: Bool {
        guard let library = try? CUDALibrary.shared(), let device = try? at(0, of: library) else { return false }
        return (try? CUDACompiler.shared(for: device)) != nil
    }

    /// The device of an index.
    /// - Throws: `TensorError` of kind `deviceUnavailable` unless it is there.
    package static func at(_ index: Int, of library: CUDALibrary) throws -> CUDADevice {
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
