import OpenCLShim
import TensorEngine

/// An OpenCL library: its functions, and where they came from.
///
/// `@unchecked Sendable`: the table is written before anyone else can see it; its counter is atomic.
package final class OpenCLLibrary: @unchecked Sendable {
    package let functions: UnsafeMutablePointer<OpenCLFunctions>

    private static let opened = Result {
        let named = HostSystem.variable("XLSR_OPENCL") ?? ""
        return try OpenCLLibrary(paths: named.isEmpty ? ["libOpenCL.so.1", "libOpenCL.so"] : [named])
    }

    /// Objects that were made through it and not yet released.
    package var liveObjectCount: Int { Int(openCLLiveObjectCount(functions)) }

    /// The file that `XLSR_OPENCL` names, or the loader of the system; opened once a process, it stays open.
    package static func shared() throws -> OpenCLLibrary { try opened.get() }

    /// A table from elsewhere.
    package init(functions: OpenCLFunctions) {
        self.functions = .allocate(capacity: 1)
        self.functions.initialize(to: functions)
    }

    deinit {
        functions.deallocate()
    }

    /// Opens the first of some files that is there.
    /// - Throws: `TensorError` of kind `deviceUnavailable`.
    package convenience init(paths: [String]) throws {
        let table = UnsafeMutablePointer<OpenCLFunctions>.allocate(capacity: 1)
        defer { table.deallocate() }
        var reasons: [String] = []
        for path in paths {
            var detail: UnsafePointer<CChar>?
            let outcome = openCLLoad(path, table, &detail)
            let text = detail.map { String(cString: $0) } ?? path
            switch outcome {
            case openCLLoaded:
                self.init(functions: table.pointee)
                return
            case openCLFunctionMissing:
                throw TensorError(
                    .deviceUnavailable, operation: "open", "\(path) is not an OpenCL 1.2 library: it has no \(text)",
                    device: .opencl(), remedy: "name one in XLSR_OPENCL, or unset that and \(Self.installation)")
            default: reasons.append(text)
            }
        }
        throw TensorError(
            .deviceUnavailable, operation: "open", "no OpenCL library: \(reasons.joined(separator: ", "))",
            device: .opencl(), remedy: "\(Self.installation), or name the library in XLSR_OPENCL")
    }

    static let installation =
        "apt-get install ocl-icd-libopencl1 and the driver of a device (pocl-opencl-icd computes on the processor)"
}

/// A context, queue, program or kernel, released when nothing refers to it any more.
///
/// `@unchecked Sendable`: the pointer never changes; OpenCL's calls are safe from any thread but `clSetKernelArg`,
/// which the driver calls under its lock.
final class OpenCLObject: @unchecked Sendable {
    typealias Release = (UnsafeMutablePointer<OpenCLFunctions>, OpaquePointer) -> Void

    let pointer: OpaquePointer
    private let library: OpenCLLibrary
    private let release: Release

    /// - Parameter make: a creating call, whose status is the reason when it gives nothing.
    init(
        of library: OpenCLLibrary, _ operation: String, device: Device, release: @escaping Release,
        make: (UnsafeMutablePointer<OpenCLFunctions>, inout Int32) -> OpaquePointer?
    ) throws {
        var status = openCLSuccess.rawValue
        guard let pointer = make(library.functions, &status) else {
            let reason = status == openCLSuccess.rawValue ? openCLOutOfResources.rawValue : status
            throw TensorError(openCL: reason, operation: operation, device: device)
        }
        self.pointer = pointer
        self.library = library
        self.release = release
    }

    deinit {
        release(library.functions, pointer)
    }
}
