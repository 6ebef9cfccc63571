import GPUBackends
import TensorEngine

/// What there is of CUDA: the driver, the compiler, and every GPU by its name for `--device`.
struct CUDAReport: Encodable {
    /// A library of NVIDIA's.
    struct Library: Encodable {
        /// Where it was found.
        let path: String?
        let version: String?
        /// What is missing and how to get it.
        let failure: String?
    }

    struct GPU: Encodable {
        let name: String
        let description: String
        let capability: String
        let driver: String
        let memoryByteCount: Int
        let computeUnitCount: Int
        /// What kernels are compiled for: machine code (sm_…) or code that the driver translates (compute_…).
        let target: String?

        enum CodingKeys: String, CodingKey {
            case name, description, driver, target
            case capability = "compute_capability"
            case memoryByteCount = "memory_bytes"
            case computeUnitCount = "compute_units"
        }
    }

    let driver: Library
    let nvrtc: Library
    let cublasLt: Library
    /// Files that were or would be tried as NVRTC, in order.
    let searched: [String]
    let devices: [GPU]
    let tensorCores: Bool
    let graphs: Bool

    enum CodingKeys: String, CodingKey {
        case driver, nvrtc, searched, devices, graphs
        case cublasLt = "cublaslt"
        case tensorCores = "tensor_core_kernels"
    }

    init() {
        let library = Result { try CUDALibrary.shared() }
        let found = Result { try CUDADevice.all(of: library.get()) }
        let gpus = (try? found.get()) ?? []
        let compiler = Result { try CUDACompiler.shared(for: gpus.first) }
        let failure = Self.failure(found)
        driver = Library(
            path: try? library.get().path, version: gpus.first?.properties.driverVersion,
            failure: failure ?? (gpus.isEmpty ? "shows no GPU; see nvidia-smi, and CUDA_VISIBLE_DEVICES" : nil))
        nvrtc = Library(
            path: try? compiler.get().path, version: try? compiler.get().version, failure: Self.failure(compiler))
        let products = CUBLASLt.isWanted ? Result { try CUBLASLt.shared(for: gpus.first) } : nil
        cublasLt = Library(
            path: try? products?.get().path, version: try? products?.get().version,
            failure: products.map { Self.failure($0) } ?? "off, as XLSR_CUBLASLT=0 says")
        searched = CUDALibrarySearch.nvrtc().paths
        devices = gpus.map { gpu in
            GPU(
                name: "cuda:\(gpu.index)", description: gpu.properties.name,
                capability: "\(gpu.capability / 10).\(gpu.capability % 10)", driver: gpu.properties.driverVersion,
                memoryByteCount: gpu.properties.memoryByteCount, computeUnitCount: gpu.properties.computeUnitCount,
                target: try? compiler.get().target(forCapability: gpu.capability))
        }
        graphs = GPUBackend.graphsAreWanted && (try? library.get().hasGraphs) ?? true
        tensorCores = gpus.contains { KernelShape($0.properties).usesTensorCores }
    }

    private static func failure<Value>(_ result: Result<Value, any Error>) -> String? {
        guard case .failure(let error) = result else { return nil }
        guard let error = error as? TensorError else { return "\(error)" }
        return error.detail + (error.remedy.map { "; \($0)" } ?? "")
    }

    /// Without a driver the list of devices has said so already, and only `isVerbose` tells more.
    func text(isVerbose: Bool) -> String {
        guard driver.path != nil || isVerbose else { return "" }
        func line(_ title: String, _ library: Library) -> String {
            let words = [library.path, library.version.map { "version \($0)" }, library.failure].compactMap(\.self)
            return "\(title): \(words.joined(separator: ", "))"
        }
        var lines = [line("CUDA driver", driver), line("NVRTC", nvrtc), line("cuBLASLt", cublasLt)]
        if isVerbose {
            lines.append("NVRTC is looked for as \(searched.joined(separator: ", "))")
            lines.append(
                "products are cuBLASLt's where it is and takes them, else our own kernels'; with XLSR_CUBLASLT=0 all are "
                    + "ours")
            lines.append(
                "graphs of small batches are \(graphs ? "on" : "off"); they need a driver for CUDA 11.4 or newer, and "
                    + "XLSR_GRAPHS=0 turns them off")
            lines.append(
                "kernels for tensor cores are \(tensorCores ? "on" : "off"); no GPU has passed them yet, so they are on only "
                    + "with XLSR_TENSOR_CORES=1, from compute capability 8.0; on 9.0 also those for warpgroups, by NVRTC 12 "
                    + "or newer, unless XLSR_TENSOR_CORES=warps")
        }
        for gpu in devices {
            lines += [
                "\(padded(gpu.name, 10)) \(padded(gpu.target == nil ? "missing" : "present", 8)) \(gpu.description)",
                """
                \(padded("", 19)) \(byteText(gpu.memoryByteCount)), \(counted(gpu.computeUnitCount, "compute unit")), \
                compute capability \(gpu.capability), driver for CUDA \(gpu.driver)\
                \(gpu.target.map { ", kernels compiled for \($0)" } ?? "")
                """,
            ]
        }
        return lines.map { "\($0)\n" }.joined()
    }
}
