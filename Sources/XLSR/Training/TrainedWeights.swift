import Glibc
import TensorEngine

/// The numbers that training changes: a checkpoint's tensors, under Hugging Face's names.
struct TrainedWeights: TensorFile {
    let path = "trained weights"
    private(set) var tensorNames: [String] = []
    private var shapes: [Shape] = []
    private var places: [String: Int] = [:]
    private(set) var values: [[Float]] = []

    /// What an adapter after each layer has.
    static func adapters(_ configuration: Configuration, width: Int) -> [(name: String, shape: Shape)] {
        let hidden = configuration.hiddenSize
        let block: [(String, Shape)] = [
            ("norm.weight", [hidden]), ("norm.bias", [hidden]), ("linear_1.weight", [width, hidden]),
            ("linear_1.bias", [width]), ("linear_2.weight", [hidden, width]), ("linear_2.bias", [hidden]),
        ]
        return (0..<configuration.layerCount).flatMap { layer in
            block.map { ("encoder.layers.\(layer).\(CheckpointNames.attentionAdapter).\($0)", $1) }
        }
    }

    /// What the encoder's layers have, and the norm before or after them.
    static func layers(_ configuration: Configuration) -> [(name: String, shape: Shape)] {
        let (hidden, intermediate) = (configuration.hiddenSize, configuration.intermediateSize)
        let products: [(String, Shape)] =
            ["q_proj", "k_proj", "v_proj", "out_proj"].map { ("attention.\($0)", [hidden, hidden]) } + [
                ("feed_forward.intermediate_dense", [intermediate, hidden]),
                ("feed_forward.output_dense", [hidden, intermediate]),
            ]
        let norms: [(String, Shape)] = [("layer_norm", [hidden]), ("final_layer_norm", [hidden])]
        let layers = (0..<configuration.layerCount).flatMap { layer in
            (products + norms).map { ("encoder.layers.\(layer).\($0)", $1) }
        }
        return (layers + [("encoder.layer_norm", [hidden])]).flatMap { name, shape -> [(String, Shape)] in
            [("\(name).weight", shape), ("\(name).bias", [shape[0]])]
        }
    }

    static func head(_ configuration: Configuration, tokenCount: Int) -> [(name: String, shape: Shape)] {
        let name = CheckpointNames.ctcHead
        return [("\(name).weight", [tokenCount, configuration.outputSize]), ("\(name).bias", [tokenCount])]
    }

    /// Adds tensors as a checkpoint has them, or new ones.
    /// - Parameter prefix: what is put before the names here.
    mutating func add(
        _ tensors: [(name: String, shape: Shape)], prefix: String = "", of source: CheckpointTensors?,
        _ random: inout RandomSource
    ) throws {
        let bare = source.map { CheckpointNames.encoderPrefix(in: $0.names, translates: false) == nil } ?? false
        for (name, shape) in tensors {
            places[prefix + name] = values.count
            tensorNames.append(prefix + name)
            shapes.append(shape)
            values.append(
                try source?.floats(of: bare ? name : prefix + name, shape) ?? Self.initial(name, shape, &random))
        }
    }

    /// As transformers has it, but that an adapter's second matrix is zero: then training begins with the encoder as it
    /// was.
    private static func initial(_ name: String, _ shape: Shape, _ random: inout RandomSource) -> [Float] {
        if name.hasSuffix("norm.weight") { return [Float](repeating: 1, count: shape.count) }
        guard name.hasSuffix(".weight"), !name.hasSuffix("linear_2.weight") else {
            return [Float](repeating: 0, count: shape.count)
        }
        return (0..<shape.count).map { _ in 0.02 * random.normal() }
    }

    var parameterCount: Int { values.reduce(0) { $0 + $1.count } }

    func shape(of name: String) -> Shape? { places[name].map { shapes[$0] } }

    func tensor(named name: String) throws -> HostArray {
        guard let place = places[name] else { throw missing(name) }
        return HostArray(values[place], shape: shapes[place])
    }

    /// A step down what was found for parameters on a device; none where that is no number.
    mutating func update(
        _ parameters: [TrainedParameter], _ found: Gradients, by optimizer: inout Adam, rate: Double
    ) throws {
        let gradients = parameters.compactMap { parameter in found[parameter.tensor].map { (parameter.names, $0) } }
        let norm = try gradients.reduce(0) { try $0 + $1.1.squareSum() }.squareRoot()
        guard norm.isFinite else { return }
        optimizer.beginStep(norm: norm, rate: rate)
        var host = HostFloats()
        for (names, gradient) in gradients {
            try host.take(gradient.reshaped([names.count, gradient.shape.count / names.count]))
            for (row, name) in names.enumerated() {
                guard let place = places[name] else { continue }
                host.withRow(row) { optimizer.update(place, &values[place], gradient: $0) }
            }
        }
    }
}

extension Tensor {
    fileprivate func squareSum() throws -> Double {
        try unary(.square).reduced(.sum).floats().reduce(0) { $0 + Double($1) }
    }
}

/// A tensor of a block that training changes.
struct TrainedParameter {
    /// In a checkpoint; of several, which are equally large, the rows are under each other.
    let names: [String]
    let tensor: Tensor

    func scoped(_ scope: String) -> TrainedParameter {
        TrainedParameter(names: names.map { "\(scope).\($0)" }, tensor: tensor)
    }
}

extension Linear {
    func parameters(_ names: String...) -> [TrainedParameter] {
        [
            TrainedParameter(names: names.map { "\($0).weight" }, tensor: weight.tensor),
            TrainedParameter(names: names.map { "\($0).bias" }, tensor: bias),
        ]
    }
}

extension Normalization {
    func parameters(_ name: String) -> [TrainedParameter] {
        [
            TrainedParameter(names: ["\(name).weight"], tensor: gain),
            TrainedParameter(names: ["\(name).bias"], tensor: bias),
        ]
    }
}

extension CheckpointTensors {
    /// - Throws: `CheckpointError` when it is missing, of another shape, or integers.
    fileprivate func floats(of name: String, _ shape: Shape) throws -> [Float] {
        guard self.shape(of: name) == shape else {
            throw CheckpointError(.weights, path: path, "has no tensor \(name) \(shape)")
        }
        let array = try tensor(named: name)
        guard array.dtype.isFloatingPoint else {
            throw CheckpointError(
                .weights, path: path, "\(name) has elements of type \(array.dtype), which can't be trained",
                remedy: "train the checkpoint that it was converted from")
        }
        return array.floats()
    }
}

extension RandomSource {
    /// Of mean 0 and variance 1 (Box, Muller 1958).
    fileprivate mutating func normal() -> Float {
        let (first, second) = (1 - Double(next() >> 11) * 0x1p-53, Double(next() >> 11) * 0x1p-53)
        return Float((-2 * log(first)).squareRoot() * cos(2 * .pi * second))
    }
}
