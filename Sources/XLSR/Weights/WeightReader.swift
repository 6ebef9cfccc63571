import Synchronization
import TensorEngine

/// Brings a checkpoint's tensors to a device under the names of its blocks, and keeps account of what was read.
struct WeightReader: Sendable {
    let backend: any Backend
    let precision: Precision
    private let checkpoint: CheckpointTensors
    /// What goes before every name here: `wav2vec2.encoder.layers.3.`
    private let prefix: String
    private let account: Account

    private final class Account: Sendable {
        let names = Mutex<Set<String>>([])
    }

    init(_ checkpoint: CheckpointTensors, on backend: any Backend, precision: Precision) {
        self.init(checkpoint, on: backend, precision: precision, prefix: "", account: Account())
    }

    private init(
        _ checkpoint: CheckpointTensors, on backend: any Backend, precision: Precision, prefix: String, account: Account
    ) {
        self.precision = precision
        self.checkpoint = checkpoint
        self.backend = backend
        self.prefix = prefix
        self.account = account
    }

    /// The weights of a block inside this one.
    func scope(_ name: String) -> WeightReader {
        WeightReader(
            checkpoint, on: backend, precision: precision, prefix: prefix + name + ".", account: account)
    }

    /// The checkpoint's folder or file, for messages.
    var path: String { checkpoint.path }

    func shape(of name: String) -> Shape? { checkpoint.shape(of: prefix + name) }

    func contains(_ name: String) -> Bool { shape(of: name) != nil }
    /// Where the encoder's weights are: under a prefix in checkpoints with a head, and without it in bare encoders.
    var encoderScope: WeightReader {
        CheckpointNames.encoderPrefix(in: checkpoint.names, translates: false).map(scope) ?? self
    }

    /// A tensor of the expected shape, in float32.
    /// - Throws: `CheckpointError` with the tensor's full name when it is missing or has another shape.
    func tensor(_ name: String, _ shape: Shape) throws -> Tensor {
        let (array, scales) = try host(name, shape)
        if let scales {
            return try StoredWeight([array.firstAxisRows], scales: scales).dense(on: backend).reshaped(shape)
        }
        let tensor = try Tensor(array, on: backend)
        array.memory.discardResidentPages(in: array.byteRange)
        return try tensor.converted(to: .float32)
    }

    /// A matrix where the checkpoint stores it, to be read row by row.
    /// - Throws: as `tensor`.
    func stored(_ name: String, _ shape: Shape) throws -> StoredWeight {
        let (array, scales) = try host(name, shape)
        guard array.dtype != .int32 else {
            throw CheckpointError(
                .weights, path: checkpoint.path, "\(prefix + name) has elements of type \(array.dtype)",
                remedy: "convert it to F32, F16 or BF16")
        }
        return try StoredWeight([array], scales: scales)
    }

    /// Several tensors of one shape under each other: `[count · rows, …]`.
    func concatenated(_ names: [String], _ shape: Shape) throws -> Tensor {
        try Tensor.concatenated(names.map { try tensor($0, shape) })
    }

    /// Matrices of one shape under each other, from where they are stored into the form that products read fastest.
    /// - Parameter type: what the numbers are stored as there; by default the precision's.
    func weight(_ names: [String], _ shape: Shape, as type: DType? = nil) throws -> PreparedWeight {
        let parts = try names.map { try host($0, shape) }
        let types = Set(parts.map(\.array.dtype))
        guard types.count == 1, !types.contains(.int32) else {
            return try concatenated(names, shape).prepared(for: .linear, as: type ?? precision.weights)
        }
        return try StoredWeight(parts.map(\.array), scales: types == [.int8] ? parts.flatMap { $0.scales ?? [] } : nil)
            .prepared(as: type ?? precision.weights, on: backend)
    }

    /// The weight `[out, in]` and bias of a linear layer.
    /// - Parameter type: what the weight is stored as; by default the precision's.
    func linear(_ name: String, from input: Int, to output: Int, as type: DType? = nil) throws -> Linear {
        let scope = scope(name)
        return Linear(
            weight: try scope.weight(["weight"], [output, input], as: type), bias: try scope.tensor("bias", [output]))
    }

    func norm(_ name: String, channels: Int, epsilon: Float) throws -> Normalization {
        let scope = scope(name)
        return Normalization(
            gain: try scope.tensor("weight", [channels]), bias: try scope.tensor("bias", [channels]), epsilon: epsilon)
    }

    /// What is stored, and the scales of int8.
    private func host(_ name: String, _ shape: Shape) throws -> (array: HostArray, scales: [Float]?) {
        let fullName = prefix + name
        guard let found = checkpoint.shape(of: fullName) else {
            throw CheckpointError(
                .weights, path: checkpoint.path, "has no tensor \(fullName) \(shape)",
                remedy: "config.json and the weights must come from the same checkpoint")
        }
        guard found == shape else {
            throw CheckpointError(
                .weights, path: checkpoint.origin(of: fullName) ?? checkpoint.path,
                "\(fullName) is \(found), but config.json says \(shape)",
                remedy: "config.json and the weights must come from the same checkpoint")
        }
        let array = try checkpoint.tensor(named: fullName)
        let scales = try checkpoint.scales(of: fullName, array)
        account.names.withLock { names in
            names.insert(fullName)
            if scales != nil { names.insert(CheckpointTensors.scaleName(of: fullName)) }
        }
        return (array, scales)
    }

    /// Throws when a tensor was read by nobody and isn't one that inference leaves unread by design.
    func requireAllRead(besides isUnreadByDesign: (String) -> Bool) throws {
        let unread = checkpoint.names.filter { name in
            !account.names.withLock { $0.contains(name) } && !isUnreadByDesign(name)
        }
        guard let first = unread.first else { return }
        let examples = unread.dropFirst().prefix(4).joined(separator: ", ")
        let others = unread.count > 1 ? " and \(unread.count - 1) others (\(examples))" : ""
        throw CheckpointError(
            .weights, path: checkpoint.path, "\(first)\(others) would not be used",
            remedy: "config.json doesn't describe these weights")
    }
}

/// A linear layer: `x · Wᵀ + b`.
struct Linear: Sendable {
    let weight: PreparedWeight
    let bias: Tensor

    /// What x is best stored as.
    var inputType: DType { weight.tensor.backend.inputType(forWeights: weight.tensor.dtype) }

    func callAsFunction(
        _ x: Tensor, activation: UnaryKind? = nil, residual: Tensor? = nil, as type: DType = .float32
    ) throws -> Tensor {
        try x.linear(weight, bias: bias, activation: activation, residual: residual, as: type)
    }
}
