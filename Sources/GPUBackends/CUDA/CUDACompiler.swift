import CUDAShim
import Synchronization
import TensorEngine

/// NVRTC, NVIDIA's compiler of kernels at run time.
///
/// `@unchecked Sendable`: the table never changes, and NVRTC's calls are safe from any thread.
package final class CUDACompiler: @unchecked Sendable {
    package let path: String
    package let majorVersion: Int
    /// "12.9"
    package let version: String
    /// Compute capabilities that it compiles for, as 10 · major + minor, ascending; empty where it doesn't say.
    package let architectures: [Int]
    private let functions: NVRTCFunctions

    /// A table from elsewhere, in place of the library at a path.
    /// - Throws: `TensorError` of kind `deviceUnavailable`.
    package init(functions: NVRTCFunctions, path: String) throws {
        self.functions = functions
        self.path = path
        var (major, minor, count): (Int32, Int32, Int32) = (0, 0, 0)
        guard functions.nvrtcVersion(&major, &minor) == nvrtcSuccess.rawValue else {
            throw TensorError(
                .deviceUnavailable, operation: "open", "\(path) doesn't tell its version", device: .cuda(),
                remedy: "install NVRTC again, or name another libnvrtc.so in XLSR_NVRTC")
        }
        majorVersion = Int(major)
        version = "\(major).\(minor)"
        guard functions.nvrtcGetNumSupportedArchs(&count) == nvrtcSuccess.rawValue, count > 0 else {
            architectures = []
            return
        }
        var numbers = [Int32](repeating: 0, count: Int(count))
        let isKnown = functions.nvrtcGetSupportedArchs(&numbers) == nvrtcSuccess.rawValue
        architectures = isKnown ? numbers.map(Int.init).sorted() : []
    }

    /// What to compile for a GPU: its own machine code, or, when it is newer than the compiler, the newest portable
    /// code that the compiler knows, which the driver translates.
    package func target(forCapability capability: Int) -> String {
        if architectures.isEmpty || architectures.contains(capability) {
            // Code with Hopper's own instructions; NVRTC 11 knows no such target.
            return "sm_\(capability)\(capability == 90 && majorVersion >= 12 ? "a" : "")"
        }
        return "compute_\(architectures.last { $0 < capability } ?? capability)"
    }

    /// Machine code for `sm_…`, PTX for `compute_…`.
    /// - Throws: `TensorError` with the first lines of the compiler's log.
    package func compile(
        _ program: GPUProgram, target: String, extraOptions: [String] = [], device: Device = .cuda()
    ) throws -> (image: [UInt8], log: String) {
        let operation = "compile \(program.source.rawValue)"
        var handle: nvrtcProgram?
        let created = functions.nvrtcCreateProgram(
            &handle, program.source.cudaText, program.source.rawValue, 0, nil, nil)
        guard created == nvrtcSuccess.rawValue, let unwrapped = handle else {
            throw failure(created, operation, device)
        }
        defer { _ = functions.nvrtcDestroyProgram(&handle) }
        let options = Self.options(of: program, target: target) + extraOptions
        let status = withCStrings(options) {
            functions.nvrtcCompileProgram(unwrapped, Int32(options.count), $0)
        }
        let log = try? bytes(of: unwrapped, functions.nvrtcGetProgramLogSize, functions.nvrtcGetProgramLog) {
            failure($0, operation, device)
        }
        let logText = String(decoding: (log ?? []).prefix { $0 != 0 }, as: UTF8.self)
        guard status == nvrtcSuccess.rawValue else { throw failure(status, operation, device, log: logText) }
        let isPortable = target.hasPrefix("compute")
        var image = try bytes(
            of: unwrapped, isPortable ? functions.nvrtcGetPTXSize : functions.nvrtcGetCUBINSize,
            isPortable ? functions.nvrtcGetPTX : functions.nvrtcGetCUBIN
        ) { failure($0, operation, device) }
        guard !image.isEmpty else { throw failure(status, operation, device) }
        // The driver reads PTX up to a NUL.
        if isPortable, image.last != 0 { image.append(0) }
        return (image, logText)
    }

    package static func options(of program: GPUProgram, target: String) -> [String] {
        ["--gpu-architecture=\(target)"] + program.definitions.map { "-D\($0.name)=\($0.value)" }
    }

    private func bytes(
        of program: nvrtcProgram, _ size: (nvrtcProgram, UnsafeMutablePointer<Int>) -> UInt32,
        _ get: (nvrtcProgram, UnsafeMutablePointer<CChar>) -> UInt32, failure: (UInt32) -> TensorError
    ) throws -> [UInt8] {
        var byteCount = 0
        let sized = size(program, &byteCount)
        guard sized == nvrtcSuccess.rawValue else { throw failure(sized) }
        guard byteCount > 0 else { return [] }
        var bytes = [CChar](repeating: 0, count: byteCount)
        let got = get(program, &bytes)
        guard got == nvrtcSuccess.rawValue else { throw failure(got) }
        return bytes.map(UInt8.init(bitPattern:))
    }

    private func failure(_ status: UInt32, _ operation: String, _ device: Device, log: String = "") -> TensorError {
        let lineCount = 12
        let name = functions.nvrtcGetErrorString(status).map { String(cString: $0) } ?? "status \(status)"
        let lines = log.split(separator: "\n").prefix(lineCount).joined(separator: "\n")
        return TensorError(
            .deviceFailure, operation: operation,
            "NVRTC \(version) refused it (\(name))" + (lines.isEmpty ? "" : ":\n\(lines)"), device: device,
            remedy: "try another version of NVRTC by XLSR_NVRTC, or use another device (xlsr devices)")
    }
}

// MARK: Which one

extension CUDACompiler {
    private static let opened = Mutex<[String: Result<CUDACompiler, any Error>]>([:])

    /// The first that `CUDALibrarySearch` finds and, for a GPU, that suits it; each is opened once a process and stays
    /// open.
    /// - Throws: `TensorError` of kind `deviceUnavailable`.
    package static func shared(
        for device: CUDADevice? = nil, paths: [String] = CUDALibrarySearch.nvrtc().paths
    ) throws -> CUDACompiler {
        try firstSuitable(paths, open: open) { compiler in
            device.flatMap(compiler.mismatch)
        } absent: { reason in
            TensorError(
                .deviceUnavailable, operation: "open", "no NVRTC, which compiles the kernels: \(reason)",
                device: .cuda(device?.index ?? 0),
                remedy: "apt-get install nvidia-cuda-toolkit, or pip install nvidia-cuda-nvrtc-cu12, "
                    + "or name libnvrtc.so in XLSR_NVRTC")
        }
    }

    private static func open(_ path: String) throws -> CUDACompiler {
        try opened.withLock { opened in
            if let known = opened[path] { return try known.get() }
            let result = Result {
                let found = try openLibrary(path, loader: nvrtcLoad).get()
                return try CUDACompiler(functions: found.functions, path: found.path)
            }
            opened[path] = result
            return try result.get()
        }
    }

    /// Why what it makes would not run there.
    package func mismatch(with device: CUDADevice) -> TensorError? {
        func unsuitable(_ detail: String, _ package: String) -> TensorError {
            TensorError(
                .deviceUnavailable, operation: "open", "NVRTC \(version) (\(path)) \(detail)",
                device: .cuda(device.index),
                remedy: "pip install \(package), or name an older libnvrtc.so in XLSR_NVRTC")
        }
        if let oldest = architectures.first, device.capability < oldest {
            return unsuitable(
                "compiles for compute capability \(oldest / 10).\(oldest % 10) and up, and the GPU has "
                    + "\(device.capability / 10).\(device.capability % 10)", "nvidia-cuda-nvrtc-cu12")
        }
        guard majorVersion > device.driverVersion / 1000 else { return nil }
        return unsuitable(
            "is newer than the driver, which takes CUDA up to \(device.properties.driverVersion)",
            "nvidia-cuda-nvrtc-cu\(device.driverVersion / 1000)")
    }
}

private func withCStrings<Result>(
    _ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> Result
) -> Result {
    let bytes = strings.flatMap { $0.utf8CString }
    return bytes.withUnsafeBufferPointer { bytes in
        var offset = 0
        let pointers = strings.map { string in
            defer { offset += string.utf8.count + 1 }
            return bytes.baseAddress.map { $0 + offset }
        }
        return pointers.withUnsafeBufferPointer { body($0.baseAddress) }
    }
}
