import Glibc
import SIMDKernelTable
import TensorEngine

extension CPUBackend {
    /// Matrix products by OpenBLAS, which is opened at run time; everything else as `simd`.
    /// - Throws: `TensorError` when there is no libopenblas, with what to install.
    public static func openblas(_ options: CPUOptions = CPUOptions()) throws -> CPUBackend {
        try CPUBackend(device: .openblas, options: options) { own, counters in
            try OpenBLASMultiplier(kernels: own.kernels, workers: own.workers, counters: counters)
        }
    }
}

/// Products with float32 weights by `cblas_sgemm`; bias, norm, activation and residual by the family's row kernels
/// afterwards.
struct OpenBLASMultiplier: MatrixMultiplier {
    private let library: OpenBLASLibrary
    private let kernels: KernelTable
    private let workers: Workers
    private let counters: Counters

    init(kernels: KernelTable, workers: Workers, counters: Counters) throws {
        library = try OpenBLASLibrary.shared()
        self.kernels = kernels
        self.workers = workers
        self.counters = counters
    }

    var name: String { "OpenBLAS \(library.coreName) + " }

    func preparedCount(n: Int, k: Int) -> Int { n * k }

    func prepare(_ weight: Matrix, into form: UnsafeMutablePointer<Float>) {
        for row in 0..<weight.rows {
            (form + row * weight.columns).update(from: weight.pointer + row * weight.stride, count: weight.columns)
        }
    }

    func prepareRows(_ weight: Matrix, into form: UnsafeMutablePointer<Float>) {
        for row in 0..<weight.rows {
            for column in 0..<weight.columns {
                form[column * weight.rows + row] = weight.pointer[row * weight.stride + column]
            }
        }
    }

    func restore(
        _ form: UnsafeRawPointer, from type: PanelType, n: Int, k: Int, scales: UnsafePointer<Float>?,
        into weight: UnsafeMutablePointer<Float>
    ) {
        weight.update(from: form.assumingMemoryBound(to: Float.self), count: n * k)
    }

    func multiply(_ product: Product, on backend: CPUBackend) throws {
        let (m, k, n) = (product.a.rows, product.a.columns, product.n)
        guard m > 0, n > 0 else { return }
        let weight = product.weight.assumingMemoryBound(to: Float.self)
        if k == 0 {
            for row in 0..<m { (product.c + row * product.cStride).update(repeating: 0, count: n) }
        } else {
            // Rows that overlap (lda < k) are refused, so every ⌈k / stride⌉-th row makes a product of its own.
            let parts = product.a.stride >= k || m == 1 ? 1 : (k + product.a.stride - 1) / max(1, product.a.stride)
            for part in 0..<min(parts, m) {
                counters.add(.libraryProducts)
                let rows = (m - part + parts - 1) / parts
                library.multiply(
                    threadCount: workers.count, m: rows, n: n, k: k, a: product.a.pointer + part * product.a.stride,
                    lda: max(k, parts * product.a.stride), b: weight, ldb: k,
                    c: product.c + part * product.cStride, ldc: parts * product.cStride)
            }
        }
        workers.run(over: m, grain: max(1, CPUBackend.grain / n)) { rows in
            kernels.finish(
                product.task(
                    rows: rows, columns: 0..<n, panels: product.weight, block: (rows.count, k), scratch: product.c))
        }
    }
}

/// The entries of libopenblas that we call.
private struct OpenBLASLibrary: Sendable {
    private typealias Sgemm =
        @convention(c) (
            Int32, Int32, Int32, Int32, Int32, Int32, Float, UnsafePointer<Float>, Int32, UnsafePointer<Float>, Int32,
            Float, UnsafeMutablePointer<Float>, Int32
        ) -> Void

    private let sgemm: Sgemm
    private let setThreads: (@convention(c) (Int32) -> Void)?
    let coreName: String

    private static let opened = Result { try OpenBLASLibrary() }

    /// Opened once a process; it stays open.
    static func shared() throws -> OpenBLASLibrary { try opened.get() }

    private init() throws {
        Self.chooseCore()
        let names = [HostSystem.variable("XLSR_OPENBLAS"), "libopenblas.so.0", "libopenblas.so"]
        let handle = names.compactMap(\.self).lazy.compactMap { dlopen($0, RTLD_NOW | RTLD_LOCAL) }.first
        guard let handle else {
            throw TensorError(
                .deviceUnavailable, operation: "open", "libopenblas.so.0 was not found", device: .openblas,
                remedy: "apt-get install libopenblas0, or name the file in XLSR_OPENBLAS")
        }
        guard let address = dlsym(handle, "cblas_sgemm") else {
            throw TensorError(
                .deviceUnavailable, operation: "open", "libopenblas has no cblas_sgemm", device: .openblas,
                remedy: "use a build of OpenBLAS with its C interface and 32-bit indices")
        }
        sgemm = unsafeBitCast(address, to: Sgemm.self)
        setThreads = dlsym(handle, "openblas_set_num_threads").map {
            unsafeBitCast($0, to: (@convention(c) (Int32) -> Void).self)
        }
        let coreName = dlsym(handle, "openblas_get_corename").map {
            unsafeBitCast($0, to: (@convention(c) () -> UnsafePointer<CChar>?).self)
        }
        self.coreName = coreName?().map { String(cString: $0) } ?? "of unknown core"
    }

    /// OpenBLAS chooses its kernels by the processor's model number and takes models that are newer than itself for a
    /// Prescott of 2004, ten times slower. Its choice is made when it is loaded; a user's own setting stands. The
    /// environment is written once, when the first backend opens; a program whose other threads read it then sets the
    /// variable itself.
    private static func chooseCore() {
        let processor = Processor.current
        let core: String? =
            if processor.supports(.avx512) {
                "SkylakeX"
            } else if processor.supports(.avx2) {
                processor.vendor == "AuthenticAMD" ? "Zen" : "Haswell"
            } else {
                nil
            }
        if let core { setenv("OPENBLAS_CORETYPE", core, 0) }
    }

    /// `C = A · Bᵀ`, row-major. OpenBLAS has one number of threads for the whole process, which the last caller sets.
    func multiply(
        threadCount: Int, m: Int, n: Int, k: Int, a: UnsafePointer<Float>, lda: Int, b: UnsafePointer<Float>, ldb: Int,
        c: UnsafeMutablePointer<Float>, ldc: Int
    ) {
        setThreads?(Int32(threadCount))
        let (rowMajor, plain, transposed): (Int32, Int32, Int32) = (101, 111, 112)
        sgemm(
            rowMajor, plain, transposed, Int32(m), Int32(n), Int32(k), 1, a, Int32(lda), b, Int32(ldb), 0, c,
            Int32(ldc))
    }
}
