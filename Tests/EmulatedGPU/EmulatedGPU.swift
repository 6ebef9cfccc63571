import FoundationEssentials
import XLSR

/// A GPU on the processor: one library that stands for NVIDIA's driver, NVRTC and cuBLASLt (Device/EmulatedGPU.c).
public enum EmulatedGPU {
    /// Its file, built once a process beside the program that runs; what it compiles may be kept beside it.
    public static func library() throws -> String { try built.get() }

    /// The folder of the running test bundle, where the build puts every product.
    public static var productsFolder: String {
        URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().path
    }

    private static let built = Result {
        let folder = productsFolder + "/emulated-gpu"
        try? FileManager.default.removeItem(atPath: folder)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "build.sh").path
        let process = try Subprocess.run(script, ["\(folder)/gpu.so"], standardInput: nil) { _ in }
        guard process.exitStatus == 0 else {
            throw EmulatedGPUError(description: "\(script): \(String(decoding: process.errorOutput, as: UTF8.self))")
        }
        return "\(folder)/gpu.so"
    }
}

private struct EmulatedGPUError: Error, CustomStringConvertible {
    let description: String
}
