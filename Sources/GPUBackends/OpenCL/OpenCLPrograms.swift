import OpenCLShim
import TensorEngine

/// The programs and kernels of one context, each compiled when it is used for the first time.
struct OpenCLPrograms: Sendable {
    private let library: OpenCLLibrary
    private let context: OpenCLObject
    private let target: OpenCLDevice
    private let device: Device
    private var programs: [GPUProgram: OpenCLObject] = [:]
    private var kernels: [GPUKernel: OpenCLObject] = [:]
    /// How many programs were compiled from their text.
    private(set) var compiledCount = 0

    init(library: OpenCLLibrary, context: OpenCLObject, target: OpenCLDevice, device: Device) {
        self.library = library
        self.context = context
        self.target = target
        self.device = device
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
        let options = buildOptions(of: program)
        let made = try compiled(program.source.openCLText, options: options, name: program.source.rawValue)
        programs[program] = made
        return made
    }

    private func buildOptions(of program: GPUProgram) -> String {
        var options = ["-cl-std=CL1.2"]
        if target.roundsDivisionCorrectly { options.append("-cl-fp32-correctly-rounded-divide-sqrt") }
        options += program.definitions.map { "-D\($0.name)=\($0.value)" }
        return options.joined(separator: " ")
    }

    private mutating func compiled(_ text: String, options: String, name: String) throws -> OpenCLObject {
        var text = text
        let operation = "compile \(name)"
        let program = try text.withUTF8 { bytes in
            try OpenCLObject(of: library, operation, device: device, release: openCLReleaseProgram) { functions, status in
                bytes.withMemoryRebound(to: CChar.self) { characters in
                    characters.baseAddress.flatMap {
                        openCLCreateProgramFromSource(functions, context.pointer, $0, characters.count, &status)
                    }
                }
            }
        }
        let status = build(program, options: options)
        guard status == openCLSuccess.rawValue else {
            throw failure(status, of: program, operation: operation)
        }
        compiledCount += 1
        return program
    }

    private func build(_ program: OpenCLObject, options: String) -> Int32 {
        var identifier: OpaquePointer? = target.identifier
        return library.functions.pointee.clBuildProgram(program.pointer, 1, &identifier, options, nil, nil)
    }

    /// The first lines of the compiler's log, which name the file under Kernels/ and the line.
    private func failure(_ status: Int32, of program: OpenCLObject, operation: String) -> TensorError {
        let lineCount = 12
        let functions = library.functions.pointee
        let log = try? openCLBytes(device, operation) {
            functions.clGetProgramBuildInfo(program.pointer, target.identifier, openCLBuildLog.rawValue, $0, $1, $2)
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
