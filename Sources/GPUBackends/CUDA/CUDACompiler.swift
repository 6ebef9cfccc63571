import CUDAShim
import TensorEngine

/// NVRTC, NVIDIA's compiler of kernels at run time.
///
/// `@unchecked Sendable`: the table never changes, and NVRTC's calls are safe from any thread.
package final class CUDACompiler: @unchecked Sendable {
    package let path: String
    /// "12.9"
    package let version: String
    /// Compute capabilities that it compiles for, as 10 · major + minor, ascending; empty where it doesn't say.
    package let architectures: [Int]
    private let functions: NVRTCFunctions

    private static let opened = Result { try CUDACompiler() }

    /// Found as `CUDALibrarySearch` says; opened once a process, it stays open.
    package static func shared() throws -> CUDACompiler { try opened.get() }

    /// - Throws: `TensorError` of kind `deviceUnavailable`.
    private convenience init() throws {
        let (functions, path) = try openLibrary(
            CUDALibrarySearch.nvrtc.paths, loader: nvrtcLoad, what: "NVRTC, which compiles the kernels",
            remedy: "apt-get install nvidia-cuda-toolkit, or pip install nvidia-cuda-nvrtc-cu12, "
                + "or name libnvrtc.so in XLSR_NVRTC")
        try self.init(functions: functions, path: path)
    }

    /// A table from elsewhere, in place of the library at a path.
    package init(functions: NVRTCFunctions, path: String) throws {
        self.functions = functions
        self.path = path
        var (major, minor, count): (Int32, Int32, Int32) = (0, 0, 0)
        guard functions.nvrtcVersion(&major, &minor) == nvrtcSuccess.rawValue else {
            throw TensorError(
                .deviceUnavailable, operation: "open", "\(path) doesn't tell its version", device: .cuda(),
                remedy: "install NVRTC again, or name another libnvrtc.so in XLSR_NVRTC")
        }
        version = "\(major).\(minor)"
        guard functions.nvrtcGetNumSupportedArchs(&count) == nvrtcSuccess.rawValue, count > 0 else {
            architectures = []
            return
        }
        var numbers = [Int32](repeating: 0, count: Int(count))
        let isKnown = functions.nvrtcGetSupportedArchs(&numbers) == nvrtcSuccess.rawValue
        architectures = isKnown ? numbers.map(Int.init).sorted() : []
    }

    /// What to compile for a GPU: its own machine code, or, when it is newer than the compiler, the newest portable code
    /// that the compiler knows, which the driver translates.
    package func target(forCapability capability: Int) -> String {
        if architectures.isEmpty || architectures.contains(capability) {
            return "sm_\(capability)\(capability == 90 ? "a" : "")"
        }
        let newest = architectures.last { $0 < capability } ?? capability
        return "compute_\(newest)"
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
        let log = try? text(of: unwrapped, functions.nvrtcGetProgramLogSize, functions.nvrtcGetProgramLog)
        let logText = String(decoding: (log ?? []).prefix { $0 != 0 }, as: UTF8.self)
        guard status == nvrtcSuccess.rawValue else { throw failure(status, operation, device, log: logText) }
        let isPortable = target.hasPrefix("compute")
        let image = try text(
            of: unwrapped, isPortable ? functions.nvrtcGetPTXSize : functions.nvrtcGetCUBINSize,
            isPortable ? functions.nvrtcGetPTX : functions.nvrtcGetCUBIN)
        guard !image.isEmpty else { throw failure(status, operation, device) }
        return (image, logText)
    }

    package static func options(of program: GPUProgram, target: String) -> [String] {
        // A thread of a GPU handles one number at a time, whatever the program says of lanes.
        ["--gpu-architecture=\(target)"] + program.definitions.map { "-D\($0.name)=\($0.value)" }
    }

    private func text(
        of program: nvrtcProgram, _ size: (nvrtcProgram, UnsafeMutablePointer<Int>) -> UInt32,
        _ get: (nvrtcProgram, UnsafeMutablePointer<CChar>) -> UInt32
    ) throws -> [UInt8] {
        var byteCount = 0
        try check(size(program, &byteCount))
        guard byteCount > 0 else { return [] }
        var bytes = [CChar](repeating: 0, count: byteCount)
        try check(get(program, &bytes))
        return bytes.map(UInt8.init(bitPattern:))
    }

    private func check(_ status: UInt32) throws {
        guard status == nvrtcSuccess.rawValue else { throw failure(status, "compile", .cuda()) }
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
