import CUDAShim
import Synchronization
import TensorEngine

/// cuBLASLt, NVIDIA's library of matrix products.
///
/// `@unchecked Sendable`: the table never changes, and the library's calls are safe from any thread.
package final class CUBLASLt: @unchecked Sendable {
    package let path: String
    package let majorVersion: Int
    /// "12.9.1"
    package let version: String
    let functions: CUBLASLtFunctions

    /// A table from elsewhere, in place of the library at a path.
    /// - Throws: `TensorError` of kind `deviceUnavailable`.
    package init(functions: CUBLASLtFunctions, path: String) throws {
        self.functions = functions
        self.path = path
        let number = Int(clamping: functions.cublasLtGetVersion())
        // 120901; before version 12, 11.6.1 was 11601.
        let unit = number >= 100_000 ? 10_000 : 1000
        guard number >= 11_000 else {
            throw TensorError(
                .deviceUnavailable, operation: "open", "\(path) is of no version that is known (\(number))",
                device: .cuda(), remedy: "install cuBLAS 11 or newer, or name another libcublasLt.so in XLSR_CUBLASLT")
        }
        majorVersion = number / unit
        version = "\(number / unit).\(number % unit / 100).\(number % 100)"
    }

    /// `XLSR_CUBLASLT=0` leaves all products to our own kernels.
    package static var isWanted: Bool { HostSystem.variable(CUDALibrarySearch.cublasLt().variable) != "0" }

    private static let opened = Mutex<[String: Result<CUBLASLt, any Error>]>([:])

    /// The first that `CUDALibrarySearch` finds and, for a GPU, that suits it; each is opened once a process and stays
    /// open.
    /// - Throws: `TensorError` of kind `deviceUnavailable`.
    package static func shared(
        for device: CUDADevice? = nil, paths: [String] = CUDALibrarySearch.cublasLt().paths
    ) throws -> CUBLASLt {
        try firstSuitable(paths, open: open) { library in
            device.flatMap(library.mismatch)
        } absent: { reason in
            TensorError(
                .deviceUnavailable, operation: "open", "no cuBLASLt: \(reason)", device: .cuda(device?.index ?? 0),
                remedy: "apt-get install nvidia-cuda-toolkit, or pip install nvidia-cublas-cu12, "
                    + "or name libcublasLt.so in XLSR_CUBLASLT")
        }
    }

    private static func open(_ path: String) throws -> CUBLASLt {
        try opened.withLock { opened in
            if let known = opened[path] { return try known.get() }
            let result = Result {
                let found = try openLibrary(path, loader: cublasLtLoad).get()
                return try CUBLASLt(functions: found.functions, path: found.path)
            }
            opened[path] = result
            return try result.get()
        }
    }

    /// Why it would not run there.
    package func mismatch(with device: CUDADevice) -> TensorError? {
        guard majorVersion > device.driverVersion / 1000 else { return nil }
        return TensorError(
            .deviceUnavailable, operation: "open",
            "cuBLASLt \(version) (\(path)) is newer than the driver, which takes CUDA up to "
                + device.properties.driverVersion, device: .cuda(device.index),
            remedy: "pip install nvidia-cublas-cu\(device.driverVersion / 1000), or name an older libcublasLt.so in "
                + "XLSR_CUBLASLT")
    }

    /// Throws unless a call succeeded.
    func check(_ status: UInt32, _ operation: String, _ device: Device) throws {
        guard status != cublasSuccess.rawValue else { return }
        let isMemory = status == cublasOutOfMemory.rawValue
        throw TensorError(
            isMemory ? .outOfMemory : .deviceFailure, operation: operation,
            "cuBLASLt \(version) failed (status \(status))", device: device,
            remedy: isMemory
                ? "use shorter audio, a smaller --batch-seconds or a smaller model"
                : "XLSR_CUBLASLT=0 does without; `xlsr verify --device \(device)` checks the device")
    }
}
