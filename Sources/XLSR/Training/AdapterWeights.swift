import Glibc
import TensorEngine

/// The numbers that training changes: an adapter after each of the encoder's layers, and the CTC head. A checkpoint's
/// tensors, under Hugging Face's names.
struct AdapterWeights: TensorFile {
    let path = "trained weights"
    let tensorNames: [String]
    private let shapes: [Shape]
    var values: [[Float]]

    private let layerCount: Int

    /// - Parameters:
    ///   - source: where adapters are gone on from; nil for new ones, which pass on what they get.
    ///   - keepsHead: whether the CTC head is gone on from too, that of `head`.
    init(
        _ configuration: Configuration, width: Int, vocabularySize: Int, adapters source: CheckpointTensors?,
        head: CheckpointTensors?, random: inout RandomSource
    ) throws {
        let hidden = configuration.hiddenSize
        let block: [(name: String, shape: Shape)] = [
            ("norm.weight", [hidden]), ("norm.bias", [hidden]), ("linear_1.weight", [width, hidden]),
            ("linear_1.bias", [width]), ("linear_2.weight", [hidden, width]), ("linear_2.bias", [hidden]),
        ]
        var tensors: [(name: String, shape: Shape, values: [Float])] = []
        let prefix = source.flatMap { CheckpointNames.encoderPrefix(in: $0.names, translates: false) }
        for layer in 0..<configuration.layerCount {
            for (name, shape) in block {
                let name = "encoder.layers.\(layer).\(CheckpointNames.attentionAdapter).\(name)"
                let values =
                    try source.map { try $0.floats(of: (prefix.map { $0 + "." } ?? "") + name, shape) }
                    ?? Self.initial(name, shape, &random)
                tensors.append(("\(CheckpointNames.encoderPrefix).\(name)", shape, values))
            }
        }
        for (name, shape) in [("weight", [vocabularySize, configuration.outputSize]), ("bias", [vocabularySize])]
            as [(String, Shape)]
        {
            let name = "\(CheckpointNames.ctcHead).\(name)"
            tensors.append((name, shape, try head?.floats(of: name, shape) ?? Self.initial(name, shape, &random)))
        }
        tensorNames = tensors.map(\.name)
        shapes = tensors.map(\.shape)
        values = tensors.map(\.values)
        layerCount = configuration.layerCount
    }

    /// As transformers has it, but that the second matrix is zero: then training begins with the encoder as it was.
    private static func initial(_ name: String, _ shape: Shape, _ random: inout RandomSource) -> [Float] {
        if name.hasSuffix("norm.weight") { return [Float](repeating: 1, count: shape.count) }
        guard name.hasSuffix(".weight"), !name.hasSuffix("linear_2.weight") else {
            return [Float](repeating: 0, count: shape.count)
        }
        return (0..<shape.count).map { _ in 0.02 * random.normal() }
    }

    var parameterCount: Int { values.reduce(0) { $0 + $1.count } }

    func shape(of name: String) -> Shape? { tensorNames.firstIndex(of: name).map { shapes[$0] } }

    func tensor(named name: String) throws -> HostArray {
        guard let index = tensorNames.firstIndex(of: name) else { throw missing(name) }
        return HostArray(values[index], shape: shapes[index])
    }

    /// The blocks on a device.
    func blocks(
        _ configuration: Configuration, width: Int, on backend: any Backend
    ) throws -> (adapters: [AttentionAdapter], head: CTCHead) {
        let weights = WeightReader(CheckpointTensors([self], path: path), on: backend, precision: .float32)
        let layers = weights.scope(CheckpointNames.encoderPrefix)
        let adapters = try (0..<layerCount).map {
            try AttentionAdapter(layers.scope("encoder.layers.\($0)"), width: width, configuration)
        }
        return (adapters, try CTCHead(weights, configuration))
    }
}

extension CheckpointTensors {
    /// - Throws: `CheckpointError` when it is missing or of another shape.
    fileprivate func floats(of name: String, _ shape: Shape) throws -> [Float] {
        guard self.shape(of: name) == shape else {
            throw CheckpointError(.weights, path: path, "has no tensor \(name) \(shape)")
        }
        return try tensor(named: name).floats()
    }
}

extension RandomSource {
    /// Of mean 0 and variance 1 (Box, Muller 1958).
    fileprivate mutating func normal() -> Float {
        let (first, second) = (1 - Double(next() >> 11) * 0x1p-53, Double(next() >> 11) * 0x1p-53)
        return Float((-2 * log(first)).squareRoot() * cos(2 * .pi * second))
    }
}
