import TensorEngine

/// Reads the fields of a `config.json` one by one, so that each error names its field.
struct ConfigurationFields {
    private let fields: [String: JSON]
    private let path: String

    init(_ fields: [String: JSON], path: String) {
        self.fields = fields
        self.path = path
    }

    func error(_ name: String, _ detail: String) -> CheckpointError {
        CheckpointError(.configuration, path: path, "\(name): \(detail)")
    }

    func integer(_ name: String, default: Int, in range: ClosedRange<Int>) throws -> Int {
        guard let value = value(name) else { return `default` }
        guard let number = value.int else { throw error(name, "is not an integer") }
        return try check(number, name, in: range)
    }

    /// nil for a field that is left out.
    func optionalInteger(_ name: String, in range: ClosedRange<Int>) throws -> Int? {
        try value(name) == nil ? nil : integer(name, default: 0, in: range)
    }

    func integers(_ name: String, default: [Int], in range: ClosedRange<Int>) throws -> [Int] {
        guard let value = value(name) else { return `default` }
        guard let items = value.array else { throw error(name, "is not a list of integers") }
        return try items.map {
            guard let number = $0.int else { throw error(name, "is not a list of integers") }
            return try check(number, name, in: range)
        }
    }

    func number(_ name: String, default: Float, in range: ClosedRange<Double>) throws -> Float {
        Float(try double(name, default: Double(`default`), in: range))
    }

    func double(_ name: String, default: Double, in range: ClosedRange<Double>) throws -> Double {
        guard let value = value(name) else { return `default` }
        guard let number = value.double else { throw error(name, "is not a number") }
        return try check(number, name, in: range)
    }

    /// The fields of an object inside this one, under their full names.
    func object(_ name: String) throws -> ConfigurationFields {
        guard let inner = value(name)?.object else { throw error(name, "is missing, or not an object") }
        return ConfigurationFields(inner, path: "\(path): \(name)")
    }

    func bool(_ name: String, default: Bool) throws -> Bool {
        guard let value = value(name) else { return `default` }
        guard let flag = value.bool else { throw error(name, "is not true or false") }
        return flag
    }

    func string(_ name: String, default: String) throws -> String {
        guard let value = value(name) else { return `default` }
        guard let text = value.string else { throw error(name, "is not a string") }
        return text
    }

    func strings(_ name: String, default: [String]) throws -> [String] {
        guard let value = value(name) else { return `default` }
        guard let items = value.array else { throw error(name, "is not a list of strings") }
        return try items.map {
            guard let text = $0.string else { throw error(name, "is not a list of strings") }
            return text
        }
    }

    /// nil when it is left out.
    func object(_ name: String) throws -> [String: JSON]? {
        guard let value = value(name) else { return nil }
        guard let object = value.object else { throw error(name, "is not an object") }
        return object
    }

    /// A name of transformers' `ACT2FN`; nil is the identity.
    func activation(_ name: String) throws -> UnaryKind? {
        switch try string(name, default: "gelu") {
        case "gelu", "gelu_python": return .gelu
        case "gelu_new", "gelu_fast", "gelu_accurate", "gelu_pytorch_tanh", "gelu_python_tanh": return .geluTanh
        case "quick_gelu": return .geluSigmoid
        case "relu": return .relu
        case "leaky_relu": return .leakyRelu
        case "silu", "swish": return .silu
        case "sigmoid": return .sigmoid
        case "tanh": return .tanh
        case "linear": return nil
        case let other: throw error(name, "the activation \"\(other)\" is not supported")
        }
    }

    func requireOneOf(_ name: String, _ allowed: [String]) throws {
        guard let value = value(name) else { throw error(name, "is missing, so this is no wav2vec 2.0 checkpoint") }
        guard let text = value.string, allowed.contains(text) else {
            let found = value.string.map { "\"\($0)\"" } ?? "not a string"
            throw error(name, "is \(found), not \(allowed.joined(separator: " or "))")
        }
    }

    func refuse(_ name: String, _ reason: String, when isUnsupported: (JSON) -> Bool) throws {
        if let value = fields[name], isUnsupported(value) { throw error(name, reason) }
    }

    /// A field that is null counts as left out.
    private func value(_ name: String) -> JSON? {
        fields[name].flatMap { $0 == .null ? nil : $0 }
    }

    private func check<Number: Comparable>(
        _ number: Number, _ name: String, in range: ClosedRange<Number>
    ) throws -> Number {
        guard range.contains(number) else {
            throw error(name, "is \(number), not \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }
}
