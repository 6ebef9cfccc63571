#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Where a library of NVIDIA's toolkit may lie, in the order in which it is tried.
struct CUDALibrarySearch {
    /// `libnvrtc`
    let name: String
    /// Major versions, newest first.
    let versions: [String]
    /// The environment variable that names the file.
    let variable: String

    static let nvrtc = CUDALibrarySearch(
        name: "libnvrtc", versions: ["13", "12", "11.8", "11.7", "11.6", "11.5", "11.4", "11.3", "11.2"],
        variable: "XLSR_NVRTC")

    /// The file of the variable alone, if it is set. Else what the loader finds, then the toolkit's folders, then
    /// Python's wheels.
    var paths: [String] {
        if let named = ProgramCache.variable(variable), !named.isEmpty { return [named] }
        let files = versions.map { "\(name).so.\($0)" } + ["\(name).so"]
        return files
            + (toolkitFolders + wheelFolders).flatMap { folder in files.map { "\(folder)/\($0)" } }
            .filter { access($0, R_OK) == 0 }
    }

    private var toolkitFolders: [String] {
        let named = ["CUDA_HOME", "CUDA_PATH", "CUDA_ROOT"].compactMap(ProgramCache.variable).filter { !$0.isEmpty }
        let versioned = names(in: "/usr/local") { $0.hasPrefix("cuda-") }.sorted(by: >).map { "/usr/local/\($0)" }
        return (named + ["/usr/local/cuda"] + versioned + ["/opt/cuda"]).flatMap { ["\($0)/lib64", "\($0)/lib"] }
    }

    /// `nvidia/cu13/lib` and `nvidia/cuda_nvrtc/lib` in the packages of the Pythons that are around.
    private var wheelFolders: [String] {
        let home = ProgramCache.variable("HOME").map { "\($0)/.local" }
        let prefixes = [ProgramCache.variable("VIRTUAL_ENV"), ProgramCache.variable("CONDA_PREFIX"), home].compactMap(
            \.self)
        let packages = (prefixes + ["/usr/local", "/usr"] + prefixesOfPath).flatMap { prefix in
            names(in: "\(prefix)/lib") { $0.hasPrefix("python3") }.sorted(by: >).flatMap {
                ["\(prefix)/lib/\($0)/site-packages/nvidia", "\(prefix)/lib/\($0)/dist-packages/nvidia"]
            }
        }
        return packages.flatMap { package in names(in: package) { _ in true }.map { "\(package)/\($0)/lib" } }
    }

    /// Above each folder of programs on PATH that has a Python.
    private var prefixesOfPath: [String] {
        (ProgramCache.variable("PATH") ?? "").split(separator: ":").filter { access("\($0)/python3", X_OK) == 0 }
            .flatMap { folder -> [String] in
                let resolved = resolvedPath("\(folder)/python3").map { "\(parent(parent($0)))" }
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

    private func names(in folder: String, where isWanted: (String) -> Bool) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix("."), isWanted(name) { names.append(name) }
        }
        return names
    }
}
