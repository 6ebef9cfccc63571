import CUDAShim
import TensorEngine

/// NVIDIA's driver library: its functions, and where they came from.
///
/// `@unchecked Sendable`: the table is written before anyone else can see it; its counter is atomic.
package final class CUDALibrary: @unchecked Sendable {
    package let functions: UnsafeMutablePointer<CUDAFunctions>
    /// The file that it was opened as.
    package let path: String

    private static let opened = Result {
        let named = ProgramCache.variable("XLSR_CUDA") ?? ""
        return try CUDALibrary(paths: named.isEmpty ? ["libcuda.so.1"] : [named])
    }

    /// Objects that were made through it and not yet released.
    package var liveObjectCount: Int { Int(cudaLiveObjectCount(functions)) }

    /// The file that `XLSR_CUDA` names, or the driver of the system; opened once a process, it stays open.
    package static func shared() throws -> CUDALibrary { try opened.get() }

    /// A table from elsewhere, in place of the library at a path.
    package init(functions: CUDAFunctions, path: String) {
        self.functions = .allocate(capacity: 1)
        self.functions.initialize(to: functions)
        self.path = path
    }

    deinit {
        functions.deallocate()
    }

    /// - Throws: `TensorError` of kind `deviceUnavailable`.
    private convenience init(paths: [String]) throws {
        let (functions, path) = try openLibrary(
            paths, loader: cudaLoad, what: "NVIDIA driver library",
            remedy: "install NVIDIA's driver, which brings libcuda.so.1, or name the file in XLSR_CUDA")
        self.init(functions: functions, path: path)
    }

    /// Throws unless a call succeeded.
    func check(_ status: UInt32, _ operation: String, _ device: Device) throws {
        guard status != cudaSuccess.rawValue else { return }
        throw TensorError(cuda: status, name: name(of: status), operation: operation, device: device)
    }

    /// Makes something by a call that writes it.
    func make<Value>(
        _ operation: String, _ device: Device, _ call: (inout Value?) -> UInt32
    ) throws -> Value {
        var value: Value?
        let status = call(&value)
        try check(status, operation, device)
        guard let value else { throw TensorError(cuda: status, name: "nothing", operation: operation, device: device) }
        return value
    }

    func integer(_ operation: String, _ device: Device, _ call: (inout Int32) -> UInt32) throws -> Int {
        var value: Int32 = 0
        try check(call(&value), operation, device)
        return Int(value)
    }

    private func name(of status: UInt32) -> String {
        var name: UnsafePointer<CChar>?
        guard functions.pointee.cuGetErrorName(status, &name) == cudaSuccess.rawValue, let name else {
            return "status \(status)"
        }
        return String(cString: name)
    }
}

/// Opens the first of some files that is there.
/// - Throws: `TensorError` of kind `deviceUnavailable`.
func openLibrary<Functions>(
    _ paths: [String],
    loader: (
        UnsafePointer<CChar>, UnsafeMutablePointer<Functions>, UnsafeMutablePointer<UnsafePointer<CChar>?>
    ) -> CUDALoadOutcome,
    what: String, remedy: String
) throws -> (functions: Functions, path: String) {
    let table = UnsafeMutablePointer<Functions>.allocate(capacity: 1)
    defer { table.deallocate() }
    var reason: String?
    for path in paths {
        var detail: UnsafePointer<CChar>?
        let outcome = loader(path, table, &detail)
        let text = detail.map { String(cString: $0) } ?? path
        switch outcome {
        case cudaLoaded: return (table.pointee, path)
        // One that lacks something tells more than those that aren't there.
        case cudaFunctionMissing: reason = "\(path) lacks \(text)"
        default: reason = reason ?? text
        }
    }
    throw TensorError(
        .deviceUnavailable, operation: "open", "no \(what): \(reason ?? "nothing to open")", device: .cuda(),
        remedy: remedy)
}

extension TensorError {
    /// What a status of a CUDA call other than success means to who called.
    init(cuda status: UInt32, name: String, operation: String, device: Device) {
        switch CUDAStatus(rawValue: status) {
        case cudaOutOfMemory:
            self.init(
                .outOfMemory, operation: operation, "the GPU ran out of memory (\(name))", device: device,
                remedy: "use shorter audio, a smaller --batch-seconds or a smaller model")
        case cudaNoDevice, cudaInvalidDevice:
            self.init(
                .deviceUnavailable, operation: operation, "no such GPU (\(name))", device: device,
                remedy: "see `xlsr devices`, and CUDA_VISIBLE_DEVICES")
        default:
            // CUDA's own errors stay with the process once a kernel has failed.
            self.init(
                .deviceFailure, operation: operation, "the NVIDIA driver failed (\(name))", device: device,
                remedy: "start the program again; `xlsr verify --device \(device)` checks the device")
        }
    }
}
