import Synchronization

/// A backend that remembers how results came about, for gradients: reverse-mode differentiation.
///
/// It computes what the backend before which it stands computes. `linear`, `layerNorm` and `attention` are remembered
/// where they depend on a tensor that is watched, and what their derivatives need of it lives until `gradients` has
/// gone through them backwards. All else is passed on, and refused where a gradient would be lost. Between operations
/// numbers stay float32 (`inputType`), so that what the derivatives see isn't rounded.
package final class GradientTape: DecoratorBackend {
    package let base: any Backend
    package var summary: String { base.summary }

    /// What the derivative of one operation gives for each of its operands; nil for those that need none.
    typealias Derivative = @Sendable (_ gradient: Tensor) throws -> [Tensor?]

    private struct Step {
        /// The steps that made the operands; nil for those that depend on nothing watched.
        let operands: [Int?]
        /// nil for what is watched itself.
        let derivative: Derivative?
    }

    /// A storage's memory may serve another one once it is gone, so its address alone doesn't say which one it is.
    private struct Entry {
        weak var storage: Storage?
        let step: Int
    }

    private struct State: ~Copyable {
        var steps: [Step] = []
        var entries: [ObjectIdentifier: Entry] = [:]
        /// The transposes of weights that aren't watched, and the storages that they are of.
        var transposes: [ObjectIdentifier: (source: Storage, weight: PreparedWeight)] = [:]
    }

    private let state = Mutex(State())

    package init(_ base: any Backend) {
        self.base = base
    }

    package func activationType(forWeights dtype: DType) -> DType { base.activationType(forWeights: dtype) }

    package func hostAddress(of storage: Storage) -> UnsafeMutableRawPointer? { base.hostAddress(of: storage) }

    package func compileAhead(headSize: Int, precision: Precision) {
        base.compileAhead(headSize: headSize, precision: precision)
    }

    // MARK: Remembering

    /// From here on, until `gradients`, results remember how they depend on the tensor.
    package func watch(_ tensor: Tensor) {
        remember(tensor, of: [], nil)
    }

    /// The gradient of a watched weight is that of its dense form.
    package func watch(_ weight: PreparedWeight) {
        watch(weight.tensor)
    }

    /// The gradients of a number by all that is watched, given that by `result`. The tape is empty afterwards.
    /// - Throws: `TensorError` of the operations; then the tape is empty too.
    package func gradients(of result: Tensor, _ gradient: Tensor) throws -> Gradients {
        var (steps, entries) = state.withLock { state in
            defer { (state.steps, state.entries) = ([], [:]) }
            return (state.steps, state.entries)
        }
        var sums = [Tensor?](repeating: nil, count: steps.count)
        if let last = entries[ObjectIdentifier(result.storage)]?.step { sums[last] = bare(gradient) }
        while let step = steps.popLast() {
            // What the derivative holds goes with it.
            guard let derivative = step.derivative, let own = sums[steps.count] else { continue }
            sums[steps.count] = nil
            for (operand, part) in zip(step.operands, try derivative(own)) {
                guard let operand, let part else { continue }
                sums[operand] = try sums[operand]?.adding(part) ?? part
            }
        }
        entries = entries.filter { sums[$0.value.step] != nil }
        return Gradients(tensors: entries.compactMapValues { sums[$0.step] })
    }

    /// Notes how a result was made, where one of the operands depends on what is watched.
    func remember(_ result: Tensor, of operands: [Tensor?], _ derivative: Derivative?) {
        state.withLock { state in
            let steps = operands.map { $0.flatMap { Self.step(of: $0, state) } }
            state.entries[ObjectIdentifier(result.storage)] = Entry(storage: result.storage, step: state.steps.count)
            state.steps.append(Step(operands: steps, derivative: derivative))
        }
    }

    func isTracked(_ tensor: Tensor?) -> Bool {
        guard let tensor else { return false }
        return state.withLock { Self.step(of: tensor, $0) != nil }
    }

    private static func step(of tensor: Tensor, _ state: borrowing State) -> Int? {
        guard let entry = state.entries[ObjectIdentifier(tensor.storage)], entry.storage === tensor.storage else {
            return nil
        }
        return entry.step
    }

    package func passed(_ tensor: Tensor) throws -> Tensor {
        guard !isTracked(tensor) else { throw unsupported("an operation") }
        return bare(tensor)
    }

    func unsupported(_ operation: String) -> TensorError {
        TensorError(
            .unsupported, operation: "gradient", "\(operation) without a derivative depends on what is watched",
            device: device)
    }

    // MARK: Weights

    package func prepare(_ weight: Tensor, for use: WeightUse, as dtype: DType) throws -> PreparedWeight {
        try homed(base.prepare(passed(weight), for: use, as: dtype))
    }

    package func prepare(_ weight: StoredWeight, as dtype: DType) throws -> PreparedWeight {
        try homed(base.prepare(weight, as: dtype))
    }

    package func dense(_ weight: PreparedWeight) throws -> Tensor { try homed(base.dense(bare(weight))) }

    func bare(_ weight: PreparedWeight) -> PreparedWeight { weight.mapped(bare) }

    private func homed(_ tensor: Tensor) -> Tensor {
        Tensor(shape: tensor.shape, dtype: tensor.dtype, backend: self, storage: tensor.storage)
    }

    private func homed(_ weight: PreparedWeight) -> PreparedWeight { weight.mapped(homed) }

    /// `gradient · W`: that of a linear layer's input.
    /// - Parameter staysAsItIs: whether the weight will be there again, as it is.
    func product(_ gradient: Tensor, _ weight: PreparedWeight, staysAsItIs: Bool) throws -> Tensor {
        staysAsItIs ? try gradient.linear(transposed(weight)) : try gradient.matmul(base.dense(bare(weight)))
    }

    /// The transpose of a weight that stays as it is, prepared once.
    private func transposed(_ weight: PreparedWeight) throws -> PreparedWeight {
        let source = weight.tensor.storage
        if let known = state.withLock({ $0.transposes[ObjectIdentifier(source)]?.weight }) { return known }
        // A gradient's range is wider than that of float16, and int8's factors are of the other axis.
        let type: DType = weight.tensor.dtype == .float32 ? .float32 : .bfloat16
        let transpose = try base.dense(bare(weight)).permuted([1, 0]).prepared(for: .linear, as: type)
        state.withLock { $0.transposes[ObjectIdentifier(source)] = (source, transpose) }
        return transpose
    }
}

/// What `GradientTape.gradients` found.
package struct Gradients {
    fileprivate let tensors: [ObjectIdentifier: Tensor]

    /// nil for what the result doesn't depend on.
    package subscript(_ watched: Tensor) -> Tensor? { tensors[ObjectIdentifier(watched.storage)] }

    package subscript(_ watched: PreparedWeight) -> Tensor? { self[watched.tensor] }
}
