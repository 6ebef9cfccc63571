import Backends
import DeviceVariants
import TensorEngine
import Testing
import XLSR

/// A tiny checkpoint and what transformers computes from it; see Goldens/README.md.
struct Golden {
    static let variants =
        [
            "layer-stable", "group-post", "heads-120", "heads-80", "odd-positional", "bin-blank-last", "bin-legacy",
            "sharded",
            "headless", "pretraining", "do-normalize-false", "adapter", "adapter-ctc", "language-adapters",
        ] + heads

    /// Those with a head other than CTC's.
    static let heads = [
        "classifier", "classifier-sum", "classifier-sum-tied", "frames", "frames-sum", "xvector", "xvector-sum",
        "xvector-adapter", "quantizer",
    ]

    let folder: String
    let tensors: CheckpointTensors
    let metadata: [String: String]

    init(_ variant: String) throws {
        folder = testFolder + "/Goldens/\(variant)"
        let path = folder + "/golden.safetensors"
        tensors = try CheckpointTensors(opening: path)
        metadata = try SafetensorsFile(MappedFile(path: path), path: path).metadata
    }

    var inputCount: Int { tensors.names.count { $0.hasPrefix("input.") } }

    func model(on backend: any Backend) throws -> XLSRModel { try XLSRModel.load(folder, on: backend) }

    /// Products and attentions that a batch of so many utterances takes. Other tests count on the shared backends at
    /// the same time: the model's must be one of its own.
    func productCount(of count: Int, by model: XLSRModel) throws -> Int {
        let counters = model.backend.counters
        let before = counters[.products] + counters[.attentions]
        _ = try model.outputs(of: Array(repeating: clip(1, model), count: count))
        return counters[.products] + counters[.attentions] - before
    }

    func clip(_ index: Int, _ model: XLSRModel) throws -> AudioClip {
        AudioClip(
            samples: try tensors.tensor(named: "input.\(index)").floats(), sampleRate: model.featureExtractor.sampleRate
        )
    }

    /// Within 1e-4 of the largest expected magnitude.
    func compare(_ actual: [Float], _ name: String, _ device: GoldenDevice) throws {
        let expected = try tensors.tensor(named: name).floats()
        try #require(actual.count == expected.count, "\(name)")
        #expect(largestDifference(actual, expected) <= 1e-4 * largest(expected), "\(name) on \(device)")
    }
}

struct GoldenDevice: Sendable, CustomStringConvertible {
    let description: String
    let backend: any Backend
}

enum GoldenDevices {
    static let registered = BackendRegistry.entries.map { Device($0.kind) }

    static let all: [GoldenDevice] = DeviceVariant.all().compactMap { variant in
        (try? variant.backend.get()).map { GoldenDevice(description: variant.name, backend: $0) }
    }
}

let testFolder = String(#filePath.prefix { _ in true }.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 })

func largest(_ values: [Float]) -> Float { values.reduce(0) { max($0, $1.magnitude) } }

/// NaN when there is one on either side.
func largestDifference(_ a: [Float], _ b: [Float]) -> Float {
    guard a.count == b.count else { return .infinity }
    return zip(a, b).reduce(0) { largest, pair in
        let difference = (pair.0 - pair.1).magnitude
        return difference > largest || difference.isNaN ? difference : largest
    }
}
