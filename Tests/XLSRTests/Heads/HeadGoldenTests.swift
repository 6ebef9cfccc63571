import Backends
import TensorEngine
import Testing
import XLSR

/// Each class's head beside what transformers computes; see Goldens/README.md. The encoders are in `GoldenTests`.
@Suite struct HeadGoldenTests {
    private static let outputs: [String: Set<String>] = [
        "xvector": ["logits", "embeddings"],
        "quantizer": [
            "projected_states", "projected_quantized_states", "codevector_ids", "codevector_perplexity",
        ],
    ]

    private static func expectedNames(_ variant: String) -> Set<String> {
        outputs[String(variant.prefix { $0 != "-" })] ?? ["logits"]
    }

    @Test(arguments: Golden.heads + ["adapter-ctc", "pretraining"], GoldenDevices.all)
    func everyOutputIsWhatTransformersComputes(variant: String, device: GoldenDevice) throws {
        let golden = try Golden(variant)
        let model = try golden.model(on: device.backend)
        for index in 0..<golden.inputCount {
            let outputs = try model.headOutputs(of: golden.clip(index, model).samples, sampleRate: 16_000)
            let kind = variant == "pretraining" ? "quantizer" : variant
            #expect(Set(outputs.keys) == Self.expectedNames(kind))
            for (name, array) in outputs {
                #expect(array.shape == golden.tensors.shape(of: "\(name).\(index)"))
                try golden.compare(array.floats(), "\(name).\(index)", device)
            }
        }
    }

    @Test(arguments: Golden.heads, GoldenDevices.all)
    func outputsOfABatchAreThoseOfSingleRuns(variant: String, device: GoldenDevice) throws {
        let golden = try Golden(variant)
        let model = try golden.model(on: device.backend)
        let order = [1, 0, 2, 2, 0, 1]
        let batch = try model.outputs(of: order.map { try golden.clip($0, model) })
        #expect(!batch.head.isEmpty)
        for output in batch.head {
            let (values, columns) = (try output.tensor.floats(), output.tensor.shape[1])
            for (place, index) in order.enumerated() {
                let single = try model.outputs(of: [golden.clip(index, model)])
                let expected = try #require(single.head.first { $0.name == output.name }).tensor.floats()
                let rows = output.segments[place]
                let part = Array(values[rows.lowerBound * columns..<rows.upperBound * columns])
                #expect(largestDifference(part, expected) <= 1e-5 * largest(expected), "\(output.name), \(place)")
            }
        }
    }

    @Test(arguments: Golden.heads + ["adapter", "adapter-ctc"], GoldenDevices.registered)
    func aBatchTakesAsManyProductsAsOneUtterance(variant: String, device: Device) throws {
        guard let backend = try? BackendRegistry.open(device) else { return }
        let golden = try Golden(variant)
        let model = try golden.model(on: backend)
        let one = try golden.productCount(of: 1, by: model)
        #expect(one > 0)
        #expect(try golden.productCount(of: 8, by: model) == one)
    }
}
