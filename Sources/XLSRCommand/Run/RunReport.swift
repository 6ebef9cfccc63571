import FoundationEssentials
import TensorEngine
import XLSR

/// What a run took: the lines of `--verbose`.
struct RunReport {
    var loadSeconds = 0.0
    var audioSeconds = 0.0
    /// The time in which any device computed.
    var computeSeconds = 0.0
    /// What each of the model's devices did.
    private var work: [DeviceWork] = []
    /// Inputs that are done, failed ones included.
    var inputCount = 0
    var failureCount = 0
    /// Errors that were shown.
    var messages: Set<String> = []

    mutating func add<Piece>(_ run: ChunkedRun<Piece>) {
        computeSeconds += run.busySeconds
        guard !work.isEmpty else { return work = run.work }
        for (index, part) in run.work.enumerated() { work[index] += part }
    }

    /// What was loaded.
    /// - Parameter decoder: what writes text, if anything does.
    static func print(_ model: XLSRModel, _ decoder: CTCDecoder?, loadSeconds: Double) {
        Terminal.note("model: \(model.name), \(model.precision.name)")
        for backend in model.models.map(\.backend) { Terminal.note("device: \(backend.device), \(backend.summary)") }
        if let decoder { Terminal.note("decoder: \(decoder.summary)") }
        Terminal.note("load: \(decimal(loadSeconds, 3)) s")
    }

    /// - Parameter decoder: what wrote text, if anything did.
    func print(_ model: XLSRModel, _ decoder: CTCDecoder?) {
        let backends = model.models.map(\.backend)
        Self.print(model, decoder, loadSeconds: loadSeconds)
        let factor = audioSeconds > 0 ? ", real-time factor \(decimal(computeSeconds / audioSeconds, 4))" : ""
        Terminal.note(
            "compute: \(decimal(computeSeconds, 3)) s for \(decimal(audioSeconds, 2)) s of audio in"
                + " \(counted(inputCount - failureCount, "input")), \(batches(work))" + factor)
        for (backend, part) in zip(backends, work) where backends.count > 1 {
            Terminal.note(
                "\(backend.device): \(decimal(part.seconds, 3)) s for \(decimal(part.audioSeconds, 2)) s of audio,"
                    + " \(batches([part])), peak memory \(byteText(backend.pool.statistics.peakByteCount))")
        }
        Self.printMemory(backends)
    }

    static func printMemory(_ backends: [any Backend]) {
        let peak = ProcessMemory.peakByteCount.map { "; \(byteText($0)) of the process (VmHWM)" } ?? ""
        let onDevices = backends.reduce(0) { $0 + $1.pool.statistics.peakByteCount }
        let place = backends.count > 1 ? "the devices" : "the device"
        Terminal.note("peak memory: \(byteText(onDevices)) on \(place)\(peak)")
    }
}

private func batches(_ work: [DeviceWork]) -> String {
    let count = work.reduce(0) { $0 + $1.batchCount }
    return "\(count) batch\(count == 1 ? "" : "es")"
}

enum ProcessMemory {
    /// The most memory that the process has had; nil where the system doesn't say.
    static var peakByteCount: Int? {
        guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") })
        else { return nil }
        return line.split { !$0.isNumber }.first.flatMap { Int($0) }.map { $0 << 10 }
    }
}
