import OpenCLShim
import TensorEngine

/// Where programs came from.
package struct ProgramStatistics: Sendable {
    /// Compiled from their text.
    package var compiledCount = 0
    /// Loaded from the cache on disk.
    package var loadedCount = 0
}

/// The programs and kernels of one context, each compiled when it is used for the first time.
struct OpenCLPrograms: Sendable {
    private let library: OpenCLLibrary
    private let context: OpenCLObject
    private let target: OpenCLDevice
    private let device: Device
    private let cache: ProgramCache?
    private var programs: [GPUProgram: OpenCLObject] = [:]
    private var kernels: [GPUKernel: OpenCLObject] = [:]
    private(set) var statistics = ProgramStatistics()

    init(library: OpenCLLibrary, context: OpenCLObject, target: OpenCLDevice, device: Device, cache: ProgramCache?) {
        self.library = library
        self.context = context
        self.target = target
        self.device = device
        self.cache = cache
    }

    mutating func kernel(_ kernel: GPUKernel) throws -> OpenCLObject {
        if let known = kernels[kernel] { return known }
        let program = try program(kernel.program)
        let made = try OpenCLObject(of: library, kernel.name, device: device, release: openCLReleaseKernel) {
            openCLCreateKernel($0, program.pointer, kernel.name, &$1)
        }
        kernels[kernel] = made
        return made
    }

    private mutating func program(_ program: GPUProgram) throws -> OpenCLObject {
        if let known = programs[program] { return known }
        let made = try cachedOrCompiled(
            program.source.openCLText, options: buildOptions(of: program), name: program.source.rawValue)
        programs[program] = made
        return made
    }

    private mutating func cachedOrCompiled(_ text: String, options: String, name: String) throws -> OpenCLObject {
        let properties = target.properties
        let key = [
            text, options, properties.platform, target.platformVersion, properties.vendor, properties.name,
            target.version, properties.driverVersion,
        ]
        if let binary = cache?.program(for: key), let program = loaded(binary, options: options) {
            statistics.loadedCount += 1
            return program
        }
        let program = try compiled(text, options: options, operation: "compile \(name)")
        statistics.compiledCount += 1
        if let cache, let binary = binary(of: program) { cache.store(binary, for: key) }
        return program
    }

    private func buildOptions(of program: GPUProgram) -> String {
        var options = ["-cl-std=CL1.2"]
        if target.roundsDivisionCorrectly { options.append("-cl-fp32-correctly-rounded-divide-sqrt") }
        options += program.definitions.map { "-D\($0.name)=\($0.value)" }
        return options.joined(separator: " ")
    }

    private func compiled(_ text: String, options: String, operation: String) throws -> OpenCLObject {
        let program = try OpenCLObject(of: library, operation, device: device, release: openCLReleaseProgram) {
            openCLCreateProgramFromSource($0, context.pointer, text, text.utf8.count, &$1)
        }
        let status = build(program, options: options)
        guard status == openCLSuccess.rawValue else {
            throw failure(status, of: program, operation: operation)
        }
        return program
    }

    /// nil when the driver doesn't take it, whatever the reason: it is compiled from its text then.
    private func loaded(_ binary: [UInt8], options: String) -> OpenCLObject? {
        let program = try? OpenCLObject(of: library, "load", device: device, release: openCLReleaseProgram) {
            openCLCreateProgramFromBinary($0, context.pointer, target.identifier, binary, binary.count, &$1)
        }
        guard let program, build(program, options: options) == openCLSuccess.rawValue else { return nil }
        return program
    }

    private func binary(of program: OpenCLObject) -> [UInt8]? {
        let functions = library.functions
        func information(_ name: OpenCLProgramInfo, _ value: inout some BitwiseCopyable) -> Bool {
            withUnsafeMutableBytes(of: &value) {
                functions.pointee.clGetProgramInfo(program.pointer, name.rawValue, $0.count, $0.baseAddress, nil)
            } == openCLSuccess.rawValue
        }
        // One device, one binary.
        var byteCount = 0
        guard information(openCLProgramBinarySizes, &byteCount), byteCount > 0 else { return nil }
        var binary = [UInt8](repeating: 0, count: byteCount)
        let isThere = binary.withUnsafeMutableBytes { bytes in
            var first = bytes.baseAddress
            return information(openCLProgramBinaries, &first)
        }
        return isThere ? binary : nil
    }

    private func build(_ program: OpenCLObject, options: String) -> Int32 {
        var identifier: OpaquePointer? = target.identifier
        return library.functions.pointee.clBuildProgram(program.pointer, 1, &identifier, options, nil, nil)
    }

    /// The first lines of the compiler's log, which name the file under Kernels/ and the line.
    private func failure(_ status: Int32, of program: OpenCLObject, operation: String) -> TensorError {
        let lineCount = 12
        let functions = library.functions
        let log = try? openCLBytes(device, operation) {
            functions.pointee.clGetProgramBuildInfo(
                program.pointer, target.identifier, openCLBuildLog.rawValue, $0, $1, $2)
        }
        let plain = TensorError(openCL: status, operation: operation, device: device)
        let lines = openCLText(log ?? []).split(separator: "\n")
        guard plain.kind == .deviceFailure, !lines.isEmpty else { return plain }
        return TensorError(
            .deviceFailure, operation: operation,
            "the OpenCL compiler of \(target.properties.platform) \(target.properties.driverVersion) refused it:\n"
                + lines.prefix(lineCount).joined(separator: "\n"),
            device: device, remedy: "update the driver, or use another device (xlsr devices)")
    }
}
