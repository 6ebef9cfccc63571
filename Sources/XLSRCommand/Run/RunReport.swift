import FoundationEssentials
import XLSR

/// What a run took: the lines of `--verbose`.
struct RunReport {
    var loadSeconds = 0.0
    private(set) var audioSeconds = 0.0
    private(set) var computeSeconds = 0.0
    /// Inputs that are done, failed ones included.
    var inputCount = 0
    var failureCount = 0
    /// Errors that were shown.
    var messages: Set<String> = []

    mutating func add(audio: Double, compute: Double) {
        audioSeconds += audio
        computeSeconds += compute
    }

    /// - Parameter decoder: what wrote text, if anything did.
    func print(_ model: XLSRModel, _ decoder: CTCDecoder?) {
        Terminal.note("model: \(model.name), \(model.precision.weights)")
        Terminal.note("device: \(model.backend.device), \(model.backend.summary)")
        if let decoder { Terminal.note("decoder: \(decoder.summary)") }
        Terminal.note("load: \(decimal(loadSeconds, 3)) s")
        let factor = audioSeconds > 0 ? ", real-time factor \(decimal(computeSeconds / audioSeconds, 4))" : ""
        Terminal.note(
            "compute: \(decimal(computeSeconds, 3)) s for \(decimal(audioSeconds, 2)) s of audio in"
                + " \(counted(inputCount - failureCount, "input"))" + factor)
        let peak = ProcessMemory.peakByteCount.map { "; \(byteText($0)) of the process (VmHWM)" } ?? ""
        Terminal.note("peak memory: \(byteText(model.backend.pool.statistics.peakByteCount)) on the device\(peak)")
    }
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
