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
        let named = HostSystem.variable("XLSR_CUDA") ?? ""
        return try CUDALibrary(path: named.isEmpty ? "libcuda.so.1" : named)
    }

    /// Objects that were made through it and not yet released.
    package var liveObjectCount: Int { Int(cudaLiveObjectCount(functions)) }

    /// Whether the driver is of CUDA 11.4 or newer.
    package var hasGraphs: Bool { cudaHasGraphs(functions) != 0 }

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
    package convenience init(path: String) throws {
        switch openLibrary(path, loader: cudaLoad) {
        case .success(let found): self.init(functions: found.functions, path: found.path)
        case .failure(let reason):
            throw TensorError(
                .deviceUnavailable, operation: "open", "no NVIDIA driver library: \(reason)", device: .cuda(),
                remedy: "install NVIDIA's driver, which brings libcuda.so.1, or name the file in XLSR_CUDA")
        }
    }

    /// Throws unless a call succeeded.
    func check(_ status: UInt32, _ operation: String, _ device: Device) throws {
        guard status != cudaSuccess.rawValue else { return }
        throw TensorError(cuda: status, words: words(for: status), operation: operation, device: device)
    }

    /// Makes something by a call that writes it.
    func make<Value>(
        _ operation: String, _ device: Device, _ call: (inout Value?) -> UInt32
    ) throws -> Value {
        var value: Value?
        let status = call(&value)
        try check(status, operation, device)
        guard let value else { throw TensorError(cuda: status, words: "nothing", operation: operation, device: device) }
        return value
    }

    func integer(_ operation: String, _ device: Device, _ call: (inout Int32) -> UInt32) throws -> Int {
        var value: Int32 = 0
        try check(call(&value), operation, device)
        return Int(value)
    }

    /// "CUDA_ERROR_ILLEGAL_ADDRESS, an illegal memory access was encountered"
    private func words(for status: UInt32) -> String {
        func text(_ call: (UInt32, UnsafeMutablePointer<UnsafePointer<CChar>?>) -> UInt32) -> String? {
            var text: UnsafePointer<CChar>?
            return call(status, &text) == cudaSuccess.rawValue ? text.map { String(cString: $0) } : nil
        }
        let name = text(functions.pointee.cuGetErrorName) ?? "status \(status)"
        return [name, text(functions.pointee.cuGetErrorString)].compactMap(\.self).joined(separator: ", ")
    }
}

/// Why a library was not opened: the loader's words, or what it lacks.
enum LibraryFailure: Error, CustomStringConvertible {
    case missing(String)
    case incomplete(path: String, function: String)

    var description: String {
        switch self {
        case .missing(let reason): reason
        case .incomplete(let path, let function): "\(path) has no \(function)"
        }
    }
}

/// Opens a file of this name, wherever the loader finds it, and says where that was.
func openLibrary<Functions>(
    _ path: String,
    loader: (
        UnsafePointer<CChar>, UnsafeMutablePointer<Functions>, UnsafeMutablePointer<UnsafePointer<CChar>?>
    ) -> CUDALoadOutcome
) -> Result<(functions: Functions, path: String), LibraryFailure> {
    let table = UnsafeMutablePointer<Functions>.allocate(capacity: 1)
    defer { table.deallocate() }
    var detail: UnsafePointer<CChar>?
    let outcome = loader(path, table, &detail)
    let text = detail.map { String(cString: $0) } ?? path
    switch outcome {
    case cudaLoaded: return .success((table.pointee, text))
    case cudaFunctionMissing: return .failure(.incomplete(path: path, function: text))
    default: return .failure(.missing(text))
    }
}

/// The first library of some files that opens and suits.
/// - Throws: why the first that opens doesn't suit, else what the first that is there lacks, else what `absent` makes
///   of why there is none.
func firstSuitable<Library>(
    _ paths: [String], open: (String) throws -> Library, mismatch: (Library) -> TensorError?,
    absent: (_ reason: String) -> TensorError
) throws -> Library {
    var (unsuitable, incomplete, missing): (TensorError?, (any Error)?, (any Error)?)
    for path in paths {
        do {
            let library = try open(path)
            guard let reason = mismatch(library) else { return library }
            unsuitable = unsuitable ?? reason
        } catch LibraryFailure.missing(let reason) {
            missing = missing ?? LibraryFailure.missing(reason)
        } catch {
            // One that lacks something tells more than those that aren't there.
            incomplete = incomplete ?? error
        }
    }
    if let error = unsuitable ?? incomplete as? TensorError { throw error }
    throw absent((incomplete ?? missing).map { "\($0)" } ?? "nothing to open")
}

/// A context, stream or event, released when nothing refers to it any more. It keeps its library.
///
/// `@unchecked Sendable`: the pointer never changes, and the driver's calls are safe from any thread.
final class CUDAHandle: @unchecked Sendable {
    typealias Release = (UnsafeMutablePointer<CUDAFunctions>, OpaquePointer) -> Void

    let pointer: OpaquePointer
    private let library: CUDALibrary
    private let release: Release

    /// - Parameter make: a creating call.
    init(
        of library: CUDALibrary, _ operation: String, device: Device, release: @escaping Release,
        make: (UnsafeMutablePointer<CUDAFunctions>, inout OpaquePointer?) -> UInt32
    ) throws {
        pointer = try library.make(operation, device) { make(library.functions, &$0) }
        self.library = library
        self.release = release
    }

    deinit {
        release(library.functions, pointer)
    }
}

extension TensorError {
    /// What a status of a CUDA call other than success means to who called.
    init(cuda status: UInt32, words: String, operation: String, device: Device) {
        switch CUDAStatus(rawValue: status) {
        case cudaOutOfMemory:
            self.init(
                .outOfMemory, operation: operation, "the GPU ran out of memory (\(words))", device: device,
                remedy: "use shorter audio, a smaller --batch-seconds or a smaller model")
        case cudaNoDevice, cudaInvalidDevice:
            self.init(
                .deviceUnavailable, operation: operation, "no such GPU (\(words))", device: device,
                remedy: "see `xlsr devices`, and CUDA_VISIBLE_DEVICES")
        default:
            // CUDA's own errors stay with the process once a kernel has failed.
            self.init(
                .deviceFailure, operation: operation, "the NVIDIA driver failed (\(words))", device: device,
                remedy: "start the program again; `xlsr verify --device \(device)` checks the device")
        }
    }
}

/// While a device is opened, a failure of the driver means that the device can't be had.
func openingCUDA<Value>(_ device: Device, _ body: () throws -> Value) throws -> Value {
    do {
        return try body()
    } catch let error as TensorError where error.kind == .deviceFailure {
        throw TensorError(
            .deviceUnavailable, operation: "open", error.detail, device: device,
            remedy: "see nvidia-smi: the driver may have to be installed again, or the machine started again")
    }
}
