import TensorEngine
import XLSR

/// A model to measure.
enum ModelSource {
    case checkpoint(String)
    case random(ModelShape)

    func load(on backend: any Backend, precision: Precision) throws -> XLSRModel {
        switch self {
        case .checkpoint(let path): return try XLSRModel.load(path, on: backend, precision: precision)
        case .random(let shape):
            let name = "XLS-R \(shape.rawValue), random weights"
            let configuration = try shape.configuration
            return try XLSRModel(
                CheckpointTensors([RandomCheckpoint(configuration, name: name)], path: name), name: name,
                configuration: configuration, featureExtractor: FeatureExtractorSettings(),
                tokenizer: .failure(UsageError("random weights have no vocabulary")), on: backend,
                precision: precision)
        }
    }
}

extension BenchmarkOptions {
    /// The models that the command line asks for.
    var modelSources: [ModelSource] {
        if let path = modelPath { return [.checkpoint(path)] }
        return (shapes.isEmpty ? [.small] : shapes).map { .random($0) }
    }

    /// What a pass computes.
    func clips(sampleRate: Int) -> [AudioClip] {
        let sampleCount = Int((seconds * Double(sampleRate)).rounded())
        return (0..<batchSize).map { RandomClip.make($0, sampleCount: sampleCount, sampleRate: sampleRate) }
    }
}
