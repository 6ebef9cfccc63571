import Glibc
import TensorEngine

/// Where a model's files are: a folder, or `OWNER/NAME` in the cache that Hugging Face's tools keep.
package enum ModelLocation {
    /// The files of a folder, of a model in the cache, or of a checkpoint of fairseq (`.pt`).
    /// - Throws: `CheckpointError` when nothing is there, with how to get it.
    package static func files(_ path: String) throws -> CheckpointFiles {
        if CheckpointFiles.isFolder(path) { return try CheckpointFiles(folder: path) }
        guard access(path, F_OK) != 0 else {
            if path.hasSuffix(".pt") { return try FairseqCheckpoint.files(path) }
            throw CheckpointError(
                .missingFile, path: path, "is a file, not a model folder",
                remedy: "name the folder that holds it beside its config.json, or a .pt file of fairseq")
        }
        guard isRepositoryName(path) else {
            throw CheckpointError(.missingFile, path: path, "no such model folder")
        }
        guard let snapshot = cachedSnapshot(path) else {
            throw CheckpointError(
                .missingFile, path: path, "no such folder, and no such model in \(cacheFolder)",
                remedy: "run `hf download \(path)` or name a folder")
        }
        return try CheckpointFiles(folder: snapshot)
    }

    /// `OWNER/NAME`, nothing that could lead elsewhere.
    private static func isRepositoryName(_ path: String) -> Bool {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        return parts.count == 2
            && parts.allSatisfy { part in
                !part.isEmpty && !part.hasPrefix(".")
                    && part.utf8.allSatisfy {
                        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-".utf8.contains($0)
                    }
            }
    }

    private static var cacheFolder: String {
        let variable = HostSystem.variable
        if let hub = variable("HF_HUB_CACHE") { return hub }
        if let home = variable("HF_HOME") { return home + "/hub" }
        return (variable("XDG_CACHE_HOME") ?? (variable("HOME") ?? "") + "/.cache") + "/huggingface/hub"
    }

    /// The snapshot that the branch `main` of the cached repository names.
    private static func cachedSnapshot(_ name: String) -> String? {
        let repository = cacheFolder + "/models--" + name.split(separator: "/").joined(separator: "--")
        let references = try? CheckpointFiles(folder: repository + "/refs")
        guard let bytes = try? references?.contents(of: "main", limit: 1024) else { return nil }
        let commit = String(decoding: bytes, as: UTF8.self).filter { $0.isHexDigit }
        let snapshot = repository + "/snapshots/" + commit
        return CheckpointFiles.isFolder(snapshot) ? snapshot : nil
    }
}
