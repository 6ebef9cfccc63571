import FoundationEssentials
import TensorEngine
import XLSR

/// One checkpoint and one batch of audio, and a turn of each engine on them: a pass to the scores of a CTC head, or a
/// translation's search, the encoder left out.
struct PeerContest {
    struct Turn {
        /// The passes after the warm-up.
        let seconds: [Double]
        /// Of the whole batch: `[batch, frames, vocabulary]`; or of the texts that a search found.
        let scores: [Float]
        let peakMemoryByteCount: Int?
        /// Of ours: what its weights take of the device's pool.
        var weightByteCount: Int?
        /// Of ours, where it is a search that is timed.
        var decoder: DecoderReport?
    }

    let model: String
    let translates: Bool
    private let clips: [AudioClip]
    /// Of each clip.
    var sampleCount: Int { clips[0].samples.count }
    private let folder: TemporaryFolder
    private let script: PeerScript
    private let threadCount: Int
    private let passes: Int

    init(
        model: String, translates: Bool, clips: (clips: [AudioClip], inputValues: [Float]), folder: TemporaryFolder,
        script: PeerScript,
        threadCount: Int, passes: Int
    ) throws {
        self.model = model
        self.translates = translates
        self.clips = clips.clips
        self.folder = folder
        self.script = script
        self.threadCount = threadCount
        self.passes = passes
        try clips.inputValues.withUnsafeBytes { try Data($0).write(to: URL(filePath: "\(folder.path)/input.f32")) }
    }

    /// In a process of its own.
    func run(_ engine: PeerScript.Engine, passes: Int? = nil) throws -> Turn {
        let path = "\(folder.path)/scores.f32"
        let run = try script.run(
            engine, model: model, input: "\(folder.path)/input.f32", scores: path, batchSize: clips.count,
            threadCount: threadCount, passes: passes ?? self.passes, translates: translates)
        let bytes = try Data(contentsOf: URL(filePath: path))
        let scores = bytes.withUnsafeBytes { bytes in
            (0..<bytes.count / 4).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
        }
        return Turn(seconds: run.seconds, scores: scores, peakMemoryByteCount: run.peakMemoryByteCount)
    }

    /// In this process; loaded anew and freed afterwards, as the others are.
    func run(_ backend: any Backend, _ precision: Precision, passes: Int? = nil) throws -> Turn {
        defer { backend.pool.trim() }
        PeakMemory.reset()
        backend.pool.resetPeak()
        let model = try XLSRModel.load(self.model, on: backend, precision: precision)
        let weightByteCount = backend.pool.statistics.usedByteCount
        if let decoder = try DecoderBenchmark(model, clips[0]) {
            let peak = Self.peakByteCount(of: backend)
            let report = try decoder.report(runCount: passes ?? self.passes)
            return Turn(
                seconds: report.timing.seconds, scores: decoder.scores, peakMemoryByteCount: peak,
                weightByteCount: weightByteCount, decoder: report)
        }
        let scores = try model.outputs(of: clips).logits?.floats() ?? []
        // A second warm-up, as the others have on a GPU.
        if backend.device.kind == .cuda { _ = try model.outputs(of: clips) }
        let seconds = try (0..<(passes ?? self.passes)).map { _ in
            try Timing.seconds {
                _ = try model.outputs(of: clips)
                try backend.synchronize()
            }
        }
        return Turn(
            seconds: seconds, scores: scores, peakMemoryByteCount: Self.peakByteCount(of: backend),
            weightByteCount: weightByteCount)
    }
}

extension PeerContest {
    /// Of the process, or of a GPU's own memory, which the others count too.
    fileprivate static func peakByteCount(of backend: any Backend) -> Int? {
        backend.device.kind == .cuda ? backend.pool.statistics.peakHeldByteCount : PeakMemory.byteCount
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
