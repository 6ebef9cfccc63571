import CUDAShim
import TensorEngine

/// The programs and kernels of one context, each compiled when it is used for the first time.
///
/// `@unchecked Sendable`: modules and functions are the driver's own; the CUDA driver's lock guards the tables.
struct CUDAPrograms: @unchecked Sendable {
    private let library: CUDALibrary
    private let target: CUDADevice
    private let device: Device
    private let cache: ProgramCache?
    private let compiler: CUDACompiler
    private var modules: [GPUProgram: CUmodule] = [:]
    private var functions: [GPUKernel: CUfunction] = [:]
    private(set) var statistics = ProgramStatistics()

    init(
        library: CUDALibrary, target: CUDADevice, device: Device, cache: ProgramCache?, compiler: CUDACompiler
    ) {
        self.library = library
        self.target = target
        self.device = device
        self.cache = cache
        self.compiler = compiler
    }

    /// Of an image, by a driver that is older than the compiler.
    private static let refusals = [cudaInvalidImage, cudaNoBinaryForDevice, cudaInvalidPTX, cudaUnsupportedPTXVersion]

    /// What a group gets of shared memory without asking.
    private static let plainSharedByteCount = 48 << 10

    /// Whether the kernel is loaded.
    func isReady(_ kernel: GPUKernel) -> Bool { functions[kernel] != nil }

    mutating func function(_ kernel: GPUKernel) throws -> CUfunction {
        if let known = functions[kernel] { return known }
        let module = try module(kernel.program)
        let made: CUfunction = try library.make(kernel.name, device) {
            library.functions.pointee.cuModuleGetFunction(&$0, module, kernel.name)
        }
        if kernel.program.sharedByteCount > Self.plainSharedByteCount {
            try library.check(
                library.functions.pointee.cuFuncSetAttribute(
                    made, cudaLargestSharedByteCount.rawValue, Int32(kernel.program.sharedByteCount)), kernel.name,
                device)
        }
        functions[kernel] = made
        return made
    }

    mutating func removeAll() {
        for module in modules.values { cudaUnloadModule(library.functions, module) }
        modules = [:]
        functions = [:]
    }

    private mutating func module(_ program: GPUProgram) throws -> CUmodule {
        if let known = modules[program] { return known }
        if let image = cache?.program(for: key(of: program)), let module = try? load(image, program) {
            statistics.loadedCount += 1
            modules[program] = module
            return module
        }
        return try add(image(of: program), of: program)
    }

    private var architecture: String { compiler.target(forCapability: target.capability) }

    private func key(of program: GPUProgram) -> [String] {
        let options = CUDACompiler.options(of: program, target: architecture)
        return [program.source.cudaText, options.joined(separator: " "), compiler.version]
    }

    /// Compiles a program; nothing is changed.
    func image(of program: GPUProgram) throws -> [UInt8] {
        try compiler.compile(program, target: architecture, device: device).image
    }

    /// Those that are neither loaded nor kept.
    func missing(of programs: [GPUProgram]) -> [GPUProgram] {
        programs.filter { modules[$0] == nil && cache?.program(for: key(of: $0)) == nil }
    }

    /// Loads and keeps what was compiled.
    @discardableResult mutating func add(_ image: [UInt8], of program: GPUProgram) throws -> CUmodule {
        statistics.compiledCount += 1
        let module = try load(image, program)
        cache?.store(image, for: key(of: program))
        modules[program] = module
        return module
    }

    private func load(_ image: [UInt8], _ program: GPUProgram) throws -> CUmodule {
        var module: CUmodule?
        let status = image.withUnsafeBytes { bytes in
            guard let first = bytes.baseAddress else { return cudaInvalidImage.rawValue }
            return cudaLoadModule(library.functions, first, &module)
        }
        let operation = "load \(program.source.rawValue)"
        if Self.refusals.contains(where: { $0.rawValue == status }) {
            throw TensorError(
                .deviceFailure, operation: operation,
                "the driver refused what NVRTC \(compiler.version) made for it (status \(status))", device: device,
                remedy: "update NVIDIA's driver, or name an older libnvrtc.so in XLSR_NVRTC")
        }
        return try library.make(operation, device) {
            $0 = module
            return status
        }
    }
}
