import Backends
import DemoAssets
import TensorEngine

/// What the library carries with it: a tiny checkpoint that hears spoken English digits, and recordings of six people
/// saying some.
///
/// Both are made from the Free Spoken Digit Dataset and licensed CC BY-SA 4.0; the cards hold the attribution.
public enum Demo {
    /// What the bundled model is and is not, how it was trained and measured, its licence (Markdown).
    public static var modelCard: String { text(of: "model/README.md") }

    /// Where the recordings come from and their licence (Markdown).
    public static var recordingsCard: String { text(of: "audio/README.md") }

    /// The names of the bundled recordings, in alphabetical order.
    public static var recordingNames: [String] {
        files(in: "audio").keys.filter { $0.hasSuffix(".wav") }.sorted()
    }

    /// A bundled recording: mono, 16 kHz.
    /// - Throws: `UsageError` for a name that isn't among `recordingNames`.
    public static func recording(named name: String) throws -> AudioClip {
        guard recordingNames.contains(name), let memory = assets["audio/\(name)"] else {
            throw UsageError("no bundled recording '\(name)': use one of \(recordingNames.joined(separator: ", "))")
        }
        return try AudioClip(wav: memory.withUnsafeBytes { Array($0) }, source: name)
    }

    /// The words that transformers hears in a recording with the bundled model, in float32 and greedily decoded.
    package static func transcript(ofRecording name: String) -> String? {
        for line in text(of: "audio/expected.tsv").split(separator: "\n") {
            let columns = line.split(separator: "\t", omittingEmptySubsequences: false)
            if columns.count == 3, columns[0] == name { return String(columns[2]) }
        }
        return nil
    }

    /// The bundled checkpoint's files by name, for `CheckpointFiles`.
    package static func memories() -> [String: any HostMemory] { files(in: "model") }

    private static let assets: [String: StaticMemory] = {
        var assets: [String: StaticMemory] = [:]
        while let asset = xlsrDemoAsset(assets.count)?.pointee {
            assets[String(cString: asset.name)] = StaticMemory(
                UnsafeRawBufferPointer(start: asset.bytes, count: asset.byteCount))
        }
        return assets
    }()

    private static func files(in folder: String) -> [String: StaticMemory] {
        let prefix = folder + "/"
        let inside = assets.filter { $0.key.hasPrefix(prefix) }
        return Dictionary(uniqueKeysWithValues: inside.map { (String($0.key.dropFirst(prefix.count)), $0.value) })
    }

    private static func text(of name: String) -> String {
        assets[name]?.withUnsafeBytes { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}

/// Bytes of the program itself, read in place.
private final class StaticMemory: HostMemory, @unchecked Sendable {
    // Unchecked: constant data of the executable, which nothing changes or frees.
    private let bytes: UnsafeRawBufferPointer

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try body(bytes)
    }
}

extension XLSRModel {
    /// The bundled model, which hears English digits.
    public static func demo(
        device: Device = .auto, precision: Precision = .float32, options: BackendOptions = BackendOptions()
    ) throws -> XLSRModel {
        try demo(on: BackendRegistry.open(device, options: options.with(precision)), precision: precision)
    }

    /// The bundled model on a backend that is open already.
    public static func demo(on backend: any Backend, precision: Precision = .float32) throws -> XLSRModel {
        try XLSRModel(
            CheckpointFiles(Demo.memories(), path: "bundled demo"), name: "demo", on: backend, precision: precision)
    }
}
