import CPUBackends
import FoundationEssentials
import TensorEngine
import XLSR

struct DeviceReport: Codable {
    let device: String
    let summary: String

    init(_ backend: any Backend) {
        device = "\(backend.device)"
        summary = backend.summary
    }
}

/// Everything that was measured: what `--json` writes. Seconds, bytes, operations a second; nothing rounded.
struct BenchmarkReport: Codable {
    let machine: Machine
    let devices: [DeviceReport]
    var peak: MachinePeak?
    var operations: [OperationReport] = []
    var models: [ModelReport] = []
    var profiles: [ProfileReport] = []
    var peers: [PeerComparison] = []

    func writeJSON(to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .iso8601
        try Self.write(Array(try encoder.encode(self)) + Array("\n".utf8), to: path)
    }

    func writeChart(to path: String) throws {
        try Self.write(Array(chart.svg.utf8), to: path)
    }

    private static func write(_ bytes: [UInt8], to path: String) throws {
        let file = try AtomicFile(path: path)
        try bytes.withUnsafeBytes { try file.write($0) }
        try file.commit()
    }
}
