import FoundationEssentials
import TensorEngine
import XLSR

/// One checkpoint and one batch of audio, and a turn of each engine on them.
struct PeerContest {
    struct Turn {
        /// The passes after the warm-up.
        let seconds: [Double]
        /// Of the whole batch: `[batch, frames, vocabulary]`.
        let logits: [Float]
        let peakMemoryByteCount: Int?
    }

    let model: String
    private let clips: [AudioClip]
    /// Of each clip.
    var sampleCount: Int { clips[0].samples.count }
    private let folder: TemporaryFolder
    private let script: PeerScript
    private let threadCount: Int
    private let passes: Int

    init(
        model: String, clips: (clips: [AudioClip], inputValues: [Float]), folder: TemporaryFolder, script: PeerScript,
        threadCount: Int, passes: Int
    ) throws {
        self.model = model
        self.clips = clips.clips
        self.folder = folder
        self.script = script
        self.threadCount = threadCount
        self.passes = passes
        try clips.inputValues.withUnsafeBytes { try Data($0).write(to: URL(filePath: "\(folder.path)/input.f32")) }
    }

    /// In a process of its own.
    func run(_ engine: PeerScript.Engine, passes: Int? = nil) throws -> Turn {
        let path = "\(folder.path)/logits.f32"
        let run = try script.run(
            engine, model: model, input: "\(folder.path)/input.f32", logits: path, batchSize: clips.count,
            threadCount: threadCount, passes: passes ?? self.passes)
        let bytes = try Data(contentsOf: URL(filePath: path))
        let logits = bytes.withUnsafeBytes { bytes in
            (0..<bytes.count / 4).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
        }
        return Turn(seconds: run.seconds, logits: logits, peakMemoryByteCount: run.peakMemoryByteCount)
    }

    /// In this process; loaded anew and freed afterwards, as the others are.
    func run(_ backend: any Backend, _ precision: Precision, passes: Int? = nil) throws -> Turn {
        defer { backend.pool.trim() }
        PeakMemory.reset()
        backend.pool.resetPeak()
        let model = try XLSRModel.load(self.model, on: backend, precision: precision)
        let logits = try model.outputs(of: clips).logits?.floats() ?? []
        // A second warm-up, as the others have on a GPU.
        if backend.device.kind == .cuda { _ = try model.outputs(of: clips) }
        let seconds = try (0..<(passes ?? self.passes)).map { _ in
            try Timing.seconds {
                _ = try model.outputs(of: clips)
                try backend.synchronize()
            }
        }
        return Turn(seconds: seconds, logits: logits, peakMemoryByteCount: Self.peakByteCount(of: backend))
    }
}

extension PeerContest {
    /// Of the process, or of a GPU's own memory, which the others count too.
    fileprivate static func peakByteCount(of backend: any Backend) -> Int? {
        backend.device.kind == .cuda ? backend.pool.statistics.peakByteCount : PeakMemory.byteCount
    }
}

/// A folder that goes with its owner.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "xlsr-peers-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }
}
