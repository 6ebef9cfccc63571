import Backends
import Benchmarks
import TensorEngine
import Testing
import XLSR

struct ProfilingBackendTests {
    private static let samples = RandomFloats.floats(count: 3200, seed: 1, scale: 0.5)

    private static func model(on backend: any Backend) throws -> XLSRModel {
        let configuration = try RandomCheckpointTests.tiny()
        return try XLSRModel(
            CheckpointTensors([RandomCheckpoint(configuration, name: "tiny")], path: "tiny"), name: "tiny",
            configuration: configuration, featureExtractor: FeatureExtractorSettings(),
            tokenizer: .failure(UsageError("none")), on: backend)
    }

    @Test func profilingChangesNoResultAndMissesNoFusedOperation() throws {
        let base = try BackendRegistry.open(.simd)
        let expected = try Self.model(on: base).logits(of: Self.samples, sampleRate: 16_000).floats()
        let model = try Self.model(on: ProfilingBackend(base))
        base.counters.reset()
        #expect(try model.logits(of: Self.samples, sampleRate: 16_000).floats() == expected)
        #expect(base.counters[.products] > 0)
        #expect(base.counters[.defaultBodies] == 0)
    }

    @Test func everyOperationOfAPassIsInItsBlock() throws {
        let backend = ProfilingBackend(try BackendRegistry.open(.simd))
        let model = try Self.model(on: backend)
        _ = backend.takeEvents()
        _ = try model.logits(of: Self.samples, sampleRate: 16_000)
        let events = backend.takeEvents()
        let layer: [ModelBlock] = [
            .norms, .queryKeyValue, .attention, .attentionOutput, .norms, .feedForwardInner, .feedForwardOuter,
        ]
        let expected: [ModelBlock] =
            [.frontEnd(layer: 0), .frontEnd(layer: 1), .frontEndRest, .projection, .projection, .positionalConvolution]
            + [.primitives] + layer + layer + [.norms, .head]
        #expect(events.map(\.block) == expected)
        let counted = events.reduce(0) { $0 + $1.operationCount }
        let known = model.configuration.floatingPointOperationCount(samples: Self.samples.count)
        // Padding to whole hops adds a few rows to the convolutions.
        #expect(counted >= known && counted < 1.02 * known)
    }
}
