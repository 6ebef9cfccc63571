import Glibc
import TensorEngine

/// Where a library of NVIDIA's toolkit may lie, in the order in which it is tried.
package struct CUDALibrarySearch {
    /// `libnvrtc`
    let name: String
    /// Major versions, newest first.
    let versions: [String]
    /// The environment variable that names the file.
    let variable: String
    let environment: (String) -> String?

    package static func nvrtc(environment: @escaping (String) -> String? = HostSystem.variable) -> CUDALibrarySearch {
        CUDALibrarySearch(
            name: "libnvrtc", versions: ["13", "12", "11.8", "11.7", "11.6", "11.5", "11.4", "11.3", "11.2"],
            variable: "XLSR_NVRTC", environment: environment)
    }

    package static func cublasLt(
        environment: @escaping (String) -> String? = HostSystem.variable
    ) -> CUDALibrarySearch {
        CUDALibrarySearch(
            name: "libcublasLt", versions: ["13", "12", "11"], variable: "XLSR_CUBLASLT", environment: environment)
    }

    /// The file of the variable alone, if it is set. Else what the loader finds, then the toolkit's folders, then
    /// Python's wheels; no file twice.
    package var paths: [String] {
        if let named = value(variable) { return [named] }
        let files = versions.map { "\(name).so.\($0)" } + ["\(name).so"]
        var known: Set<String> = []
        let there = (toolkitFolders + wheelFolders).flatMap { folder in files.map { "\(folder)/\($0)" } }.filter {
            guard access($0, R_OK) == 0, let resolved = resolvedPath($0) else { return false }
            return known.insert(resolved).inserted
        }
        return files + there
    }

    private func value(_ name: String) -> String? { environment(name).flatMap { $0.isEmpty ? nil : $0 } }

    private var toolkitFolders: [String] {
        let named = ["CUDA_HOME", "CUDA_PATH", "CUDA_ROOT"].compactMap(value)
        let versioned = names(in: "/usr/local") { $0.hasPrefix("cuda-") }.map { "/usr/local/\($0)" }
        let folders = (named + ["/usr/local/cuda"] + versioned + ["/opt/cuda"]).flatMap {
            ["\($0)/lib64", "\($0)/lib"]
        }
        return folders + ["CONDA_PREFIX"].compactMap(value).map { "\($0)/lib" }
    }

    /// `nvidia/cu13/lib`, `nvidia/cuda_nvrtc/lib` and `nvidia/cublas/lib` in the packages of the Pythons that are
    /// around.
    private var wheelFolders: [String] {
        let home = value("HOME")
        let managed = (value("PYENV_ROOT") ?? home.map { "\($0)/.pyenv" }).map { root in
            names(in: "\(root)/versions").map { "\(root)/versions/\($0)" }
        }
        let prefixes =
            ["VIRTUAL_ENV", "CONDA_PREFIX"].compactMap(value) + prefixesOfPath
            + [home.map { "\($0)/.local" }].compactMap(\.self) + ["/usr/local", "/usr"] + (managed ?? [])
        let packages = prefixes.flatMap { ["\($0)/lib", "\($0)/lib64"] }.flatMap { folder in
            names(in: folder) { $0.hasPrefix("python3") }.flatMap {
                ["\(folder)/\($0)/site-packages/nvidia", "\(folder)/\($0)/dist-packages/nvidia"]
            }
        }
        return packages.flatMap { package in names(in: package).map { "\(package)/\($0)/lib" } }
    }

    /// Above each folder of programs on PATH that has a Python.
    private var prefixesOfPath: [String] {
        (value("PATH") ?? "").split(separator: ":").filter { access("\($0)/python3", X_OK) == 0 }
            .flatMap { folder -> [String] in
                let resolved = resolvedPath("\(folder)/python3").map { parent(parent($0)) }
                return [parent(String(folder))] + [resolved].compactMap(\.self)
            }
    }

    private func parent(_ path: String) -> String {
        path.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" }
    }

    private func resolvedPath(_ path: String) -> String? {
        guard let text = realpath(path, nil) else { return nil }
        defer { free(text) }
        return String(cString: text)
    }

    /// What a folder holds, newest version first: `cuda-12.4` before `cuda-9.2`.
    private func names(in folder: String, where isWanted: (String) -> Bool = { _ in true }) -> [String] {
        func numbers(_ name: String) -> [Int] { name.split { !$0.isWholeNumber }.compactMap { Int($0) } }
        return namesInFolder(folder).filter(isWanted).sorted { a, b in
            let (first, second) = (numbers(a), numbers(b))
            return first == second ? a < b : second.lexicographicallyPrecedes(first)
        }
    }
}
