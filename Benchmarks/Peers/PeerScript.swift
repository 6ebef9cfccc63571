import FoundationEssentials
import Glibc
import TensorEngine
import XLSR

/// `peers.py`, which runs the other engines.
struct PeerScript {
    /// An engine at one precision: a line of `peers.py list`.
    struct Engine: Decodable {
        /// onnxruntime-int8
        let engine: String
        /// ONNX Runtime
        let name: String
        let precision: String
        let version: String?
        /// Whether it runs translation models too.
        let translates: Bool
        /// Python packages.
        let missing: [String]?
    }

    /// What a run gave.
    struct Run: Decodable {
        let seconds: [Double]
        let peakMemoryByteCount: Int
    }

    private struct Folder: Decodable { let path: String }
    private struct Failure: Decodable { let error: String }

    let python: String
    let cachePath: String
    private let path: String
    private let device: PeerOptions.ComputeDevice

    /// - Throws: `UsageError` when the script isn't there.
    init(_ options: PeerOptions) throws {
        let folders = [ReleaseBuild.packageFolder.map { $0 + "/Benchmarks" }, Self.programFolder]
        let paths = folders.compactMap(\.self).map { $0 + "/Peers/peers.py" }
        guard let path = paths.first(where: { access($0, R_OK) == 0 }) else {
            throw UsageError("--peers needs Peers/peers.py beside this program, or the folder of its sources")
        }
        self.path = path
        device = options.device
        python = options.python
        cachePath = options.cachePath ?? Self.cacheFolder
    }

    /// Of the running program.
    private static var programFolder: String? {
        guard let resolved = realpath("/proc/self/exe", nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved).split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 }
    }

    private static var cacheFolder: String {
        let variable = HostSystem.variable
        return (variable("XDG_CACHE_HOME") ?? (variable("HOME") ?? ".") + "/.cache") + "/xlsr/peers"
    }

    func engines() throws -> [Engine] { try call(["list", "--device", device.rawValue]) }

    /// A checkpoint with random weights; made once.
    func checkpoint(_ shape: ModelShape) throws -> String {
        let folders: [Folder] = try call(["checkpoint", shape.rawValue, cachePath])
        guard let folder = folders.first else { throw PeerError("peers.py made no checkpoint") }
        return folder.path
    }

    /// Makes the files that an engine reads in place of the checkpoint, unless they are there.
    func prepare(_ engine: Engine, model: String) throws {
        let _: [JSON] = try call(["prepare", engine.engine, model, cachePath])
    }

    /// A warm-up, whose scores are written to a file, and timed passes; or searches.
    func run(
        _ engine: Engine, model: String, input: String, scores: String, batchSize: Int, threadCount: Int, passes: Int,
        translates: Bool
    ) throws -> Run {
        let search = ["--tokens", "\(DecoderBenchmark.tokenCount)", "--beams", "\(DecoderBenchmark.beamCount)"]
        let runs: [Run] = try call(
            [
                "run", engine.engine, model, cachePath, input, scores, "--batch", "\(batchSize)", "--threads",
                "\(threadCount)", "--passes", "\(passes)", "--device", device.rawValue,
            ] + (translates ? search : []))
        guard let run = runs.first else { throw PeerError("peers.py gave no times") }
        return run
    }

    /// Runs the script and decodes its lines.
    private func call<Answer: Decodable>(_ arguments: [String]) throws -> [Answer] {
        var output: [UInt8] = []
        let process: Subprocess
        do {
            // env looks the program up in PATH.
            process = try Subprocess.run("/usr/bin/env", [python, path] + arguments, standardInput: nil) {
                output.append(contentsOf: $0)
            }
        } catch {
            throw PeerError("\(python) can't be started: \(error)")
        }
        let lines = output.split(separator: UInt8(ascii: "\n")).map { Data($0) }
        let decoder = JSONDecoder()
        if let failure = lines.last.flatMap({ try? decoder.decode(Failure.self, from: $0) }) {
            throw PeerError(failure.error)
        }
        guard process.exitStatus == 0 else { throw PeerError(description(of: process)) }
        return try lines.map { try decoder.decode(Answer.self, from: $0) }
    }

    private func description(of process: Subprocess) -> String {
        let status = process.exitStatus ?? -1
        if status == 127 { return "there is no \(python); name a Python by --python PATH" }
        // What the kernel sends when memory runs out.
        if status == 128 + SIGKILL { return "killed, maybe for its memory" }
        let last = String(decoding: process.errorOutput, as: UTF8.self).split(separator: "\n").last ?? ""
        return "exit status \(status): \(last)"
    }
}

/// Why an engine could not run, in its own words.
struct PeerError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
