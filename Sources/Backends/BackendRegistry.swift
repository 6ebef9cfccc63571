import CPUBackends
import GPUBackends
import TensorEngine

/// Options for opening a backend.
public struct BackendOptions: Sendable {
    /// Threads of a CPU backend; all cores by default.
    public var threadCount: Int?
    /// Instruction set of a CPU backend, one of `BackendRegistry.instructionSets`; the best there is by default.
    public var instructionSet: String?
    /// Shape of OpenCL's kernels: "tiled" for devices whose threads share memory, "wide" for processors;
    /// `XLSR_KERNEL_SHAPE` or what suits the device by default.
    public var kernelShape: String?
    /// Whether products of float32 may round their factors to TF32's ten bits of fraction; NVIDIA GPUs only.
    public var usesTF32: Bool
    /// Guard bytes after every result, for tests.
    public var guardByteCount: Int

    public init(
        threadCount: Int? = nil, instructionSet: String? = nil, kernelShape: String? = nil, usesTF32: Bool = false,
        guardByteCount: Int = 0
    ) {
        self.threadCount = threadCount
        self.instructionSet = instructionSet
        self.kernelShape = kernelShape
        self.usesTF32 = usesTF32
        self.guardByteCount = guardByteCount
    }
}

/// Every backend that this build has, by name.
public enum BackendRegistry {
    /// A kind of backend: one line of the registry.
    public struct Entry: Sendable {
        public let kind: Device.Kind
        /// What it is, for people.
        public let summary: String
        /// What it needs at run time.
        public let requirement: String
        let open: @Sendable (Device, BackendOptions) throws -> any Backend
    }

    public static let entries: [Entry] = [
        Entry(kind: .simd, summary: "hand-written SIMD Swift", requirement: "nothing") {
            try CPUBackend.simd(CPUOptions($1, device: $0))
        },
        Entry(
            kind: .openblas, summary: "matrix products by OpenBLAS, the rest as simd",
            requirement: "libopenblas (apt-get install libopenblas0)"
        ) {
            try CPUBackend.openblas(CPUOptions($1, device: $0))
        },
        Entry(
            kind: .opencl, summary: "kernels compiled by an OpenCL driver",
            requirement: "an OpenCL loader and driver (apt-get install ocl-icd-libopencl1 pocl-opencl-icd)"
        ) {
            try GPUBackend(
                driver: OpenCLDriver(index: $0.index), guardByteCount: $1.guardByteCount,
                kernelShape: $1.kernelShape ?? HostSystem.variable("XLSR_KERNEL_SHAPE"))
        },
        Entry(
            kind: .cuda, summary: "kernels compiled by NVRTC for NVIDIA GPUs, products by cuBLASLt or ours",
            requirement: "NVIDIA's driver and NVRTC (apt-get install nvidia-cuda-toolkit)"
        ) {
            try GPUBackend(
                driver: CUDADriver(index: $0.index, usesTF32: $1.usesTF32), guardByteCount: $1.guardByteCount)
        },
        Entry(kind: .reference, summary: "naive loops in double precision, for tests", requirement: "nothing") {
            ReferenceBackend(guardByteCount: $1.guardByteCount)
        },
    ]

    /// Names of the instruction sets that CPU kernels are compiled for, slowest first; not every processor has all.
    public static let instructionSets = Processor.InstructionSet.allCases.map(\.rawValue)

    /// Names of the shapes of GPU kernels.
    public static let kernelShapes = KernelShape.Family.allCases.map(\.rawValue)

    /// Opens a device by name. `auto` is the fastest present.
    /// - Throws: `TensorError` of kind `deviceUnavailable`, which says what is missing and how to get it; of kind
    ///   `unsupported` for TF32 elsewhere than on `cuda`.
    public static func open(_ device: Device, options: BackendOptions = BackendOptions()) throws -> any Backend {
        guard device.kind != .auto else { return try open(fastest, options: options) }
        guard let entry = entries.first(where: { $0.kind == device.kind }) else {
            let names = entries.map(\.kind.rawValue).joined(separator: ", ")
            throw TensorError(
                .deviceUnavailable, operation: "open", "this build has no such device", device: device,
                remedy: "use one of \(names)")
        }
        guard !options.usesTF32 || entry.kind == .cuda else {
            throw TensorError(
                .unsupported, operation: "open", "only NVIDIA GPUs have TF32", device: device,
                remedy: "use f32")
        }
        return try entry.open(device, options)
    }

    /// Opens several devices, which share the threads that the options allow or the processor has: a device of another
    /// kind gets one of the latter to be fed by.
    /// - Throws: as `open(_:options:)`.
    public static func open(
        _ devices: [Device], options: BackendOptions = BackendOptions()
    ) throws -> [any Backend] {
        guard devices.count > 1 else { return try devices.map { try open($0, options: options) } }
        var shares = threadCounts(devices, options).makeIterator()
        return try devices.map { device in
            var options = options
            if device.kind.computesOnCPU { options.threadCount = shares.next() }
            return try open(device, options: options)
        }
    }

    /// Threads of each CPU device, at least one.
    private static func threadCounts(_ devices: [Device], _ options: BackendOptions) -> [Int] {
        let count = devices.count { $0.kind.computesOnCPU }
        let total = options.threadCount ?? Processor.current.coreCount - (devices.count - count)
        return (0..<count).map { max(1, total / count + ($0 < total % count ? 1 : 0)) }
    }

    /// A GPU before the processor, which `simd` drives faster than OpenCL does.
    private static var fastest: Device {
        if CUDADevice.firstIsUsable { return .cuda() }
        return (try? OpenCLDevices(of: .shared()))?.firstIsUsableGPU == true ? .opencl() : .simd
    }
}

extension Device.Kind {
    fileprivate var computesOnCPU: Bool { self == .simd || self == .openblas }
}

extension CPUOptions {
    fileprivate init(_ options: BackendOptions, device: Device) throws {
        let set = try options.instructionSet.map { try Processor.InstructionSet(named: $0, device: device) }
        self.init(
            threadCount: options.threadCount, instructionSet: set, guardByteCount: options.guardByteCount)
    }
}
