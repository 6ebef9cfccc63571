import Backends
import TensorEngine
import XLSR

extension Option {
    static let model = Option(
        "--model", value: "DIR|OWNER/NAME|FILE.pt",
        "a model folder, one in the Hugging Face cache, or a file of fairseq [the bundled demo]")
    static let device = Option(
        "--device", value: "auto|" + BackendRegistry.entries.map(\.kind.rawValue).joined(separator: "|"),
        "where to compute; `xlsr devices` shows what is here [auto]")
    static let devices = Option(
        "--device", value: device.value.map { $0 + "[,...]" },
        "where to compute; several, as in cuda:0,cuda:1, share the work; `xlsr devices` shows what is here [auto]")
    static let precision = Option(
        "--precision", value: "auto|f32|tf32|bf16|f16|int8",
        "what large weights are stored as: half or a quarter of the memory, sums in float32; tf32: stored as f32, "
            + "rounded for products, on NVIDIA GPUs with cuBLASLt [auto: f32]")
    static let threads = Option(
        "--threads", value: "N", "threads of a CPU device; several share them [all cores]")
    static let quiet = Option("--quiet", "nothing on standard error but errors")
    static let verbose = Option("--verbose", "device, times and memory on standard error")
    static let json = Option("--json", "JSON for programs")
}

extension Arguments {
    static let threadLimit = 1024

    /// The one device of a command that has no use for several.
    func device() throws -> Device {
        let name = self[.device] ?? "auto"
        guard !name.contains(",") else {
            throw UsageError("--device: one at a time here; name one of \(name)")
        }
        return try device(name)
    }

    /// The devices that are to share the work.
    func devices() throws -> [Device] {
        let names = (self[.devices] ?? "auto").split(separator: ",", omittingEmptySubsequences: false)
        let devices = try names.map { try device(String($0)) }
        do { try XLSRModel.check(devices) } catch { throw UsageError("--device: \(error)") }
        return devices
    }

    private func device(_ name: String) throws -> Device {
        if let device = Device(name) { return device }
        let known = ["auto"] + BackendRegistry.entries.map(\.kind.rawValue)
        throw UsageError(
            "--device: no device is called \(singleQuoted(name)); use one of \(known.joined(separator: ", "))"
                + suggestion(for: name, among: known))
    }

    func precision() throws -> Precision {
        let name = self[.precision] ?? "auto"
        guard name != "auto" else { return .float32 }
        guard let precision = Precision(name) else {
            throw UsageError("--precision: \(singleQuoted(name)) is not one of auto, f32, tf32, bf16, f16, int8")
        }
        return precision
    }

    func backendOptions() throws -> BackendOptions {
        BackendOptions(
            threadCount: try integer(.threads, in: 1...Self.threadLimit), usesTF32: try precision().usesTF32)
    }

    /// Whether standard error gets notes and details.
    func verbosity() throws -> Verbosity {
        guard !(has(.quiet) && has(.verbose)) else { throw UsageError("--quiet and --verbose exclude each other") }
        return has(.quiet) ? .quiet : has(.verbose) ? .verbose : .normal
    }

    func modelSource() throws -> ModelSource { try ModelSource(self[.model]) }
}

enum Verbosity: Comparable, Sendable {
    case quiet, normal, verbose
}

/// The files of the model that a user named, or of the bundled demo.
struct ModelSource {
    static let demoName = "demo"

    let name: String
    let files: CheckpointFiles

    /// What is read of it: a file of fairseq has its own name.
    var paths: [String] { [name] + files.modelPaths() }

    init(_ path: String?) throws {
        // Output calls the bundled model "demo", so that name must lead back to it.
        guard let path, path != Self.demoName || CheckpointFiles.isFolder(path) else {
            name = Self.demoName
            files = CheckpointFiles(Demo.memories(), path: Self.demoName)
            return
        }
        name = path
        files = try ModelLocation.files(path)
    }
}
