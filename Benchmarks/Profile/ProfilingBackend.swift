import Synchronization
import TensorEngine

/// One operation that a backend was asked for, and what it took.
package struct OperationEvent {
    package let block: ModelBlock
    package let seconds: Double
    /// Float operations of its products.
    package let operationCount: Double
    /// Of operands and results.
    let byteCount: Double
}

/// Another backend, with every call timed until its work is done.
///
/// Each requirement of `Backend` must be forwarded here, fused ones too: one that is not would run as its default body,
/// which `ModelProfile` notices.
package final class ProfilingBackend: Backend {
    let base: any Backend
    package var device: Device { base.device }
    package var summary: String { base.summary }
    package var pool: StoragePool { base.pool }
    package var counters: Counters { base.counters }
    package var tileByteCount: Int { base.tileByteCount }
    package func activationType(forWeights dtype: DType) -> DType { base.activationType(forWeights: dtype) }
    package func inputType(forWeights dtype: DType) -> DType { base.inputType(forWeights: dtype) }

    private struct State {
        var classifier = ModelBlock.Classifier()
        var events: [OperationEvent] = []
    }

    private let state = Mutex(State())

    package init(_ base: any Backend) {
        self.base = base
    }

    /// The operations since the last call.
    package func takeEvents() -> [OperationEvent] {
        state.withLock { state in
            defer { state = State() }
            return state.events
        }
    }

    func measure(
        _ operation: ModelBlock.Operation, operationCount: Double = 0, _ operands: [Tensor?], into result: Tensor,
        _ body: (Tensor) throws -> Void
    ) throws {
        let result = own(result)
        let seconds = try Timing.seconds {
            try body(result)
            try base.synchronize()
        }
        let byteCount = (operands + [result]).reduce(0.0) { sum, tensor in
            sum + (tensor.map { Double($0.shape.count * $0.dtype.byteSize) } ?? 0)
        }
        state.withLock { state in
            state.events.append(
                OperationEvent(
                    block: state.classifier.block(of: operation), seconds: seconds, operationCount: operationCount,
                    byteCount: byteCount))
        }
    }

    func measure(_ operands: [Tensor], into result: Tensor, _ body: (Tensor) throws -> Void) throws {
        try measure(.primitive, operands, into: result, body)
    }

    // The same storage as the other backend knows it.
    func own(_ tensor: Tensor) -> Tensor { moved(tensor, to: base) }

    func own(_ norm: Normalization) -> Normalization {
        Normalization(gain: own(norm.gain), bias: own(norm.bias), epsilon: norm.epsilon)
    }

    func own(_ weight: PreparedWeight) -> PreparedWeight { moved(weight, to: base) }

    private func moved(_ weight: PreparedWeight, to backend: any Backend) -> PreparedWeight {
        weight.mapped { moved($0, to: backend) }
    }

    func moved(_ tensor: Tensor, to backend: any Backend) -> Tensor {
        Tensor(shape: tensor.shape, dtype: tensor.dtype, backend: backend, storage: tensor.storage)
    }
}

// MARK: Memory, order and weights

extension ProfilingBackend {
    package func upload(_ bytes: UnsafeRawBufferPointer, into storage: Storage) throws {
        try base.upload(bytes, into: storage)
    }

    package func download(_ storage: Storage, into bytes: UnsafeMutableRawBufferPointer) throws {
        try base.download(storage, into: bytes)
    }

    package func synchronize() throws { try base.synchronize() }

    package func prepare(_ weight: Tensor, for use: WeightUse, as dtype: DType) throws -> PreparedWeight {
        moved(try base.prepare(own(weight), for: use, as: dtype), to: self)
    }

    package func prepare(_ weight: StoredWeight, as dtype: DType) throws -> PreparedWeight {
        moved(try base.prepare(weight, as: dtype), to: self)
    }

    package func dense(_ weight: PreparedWeight) throws -> Tensor { moved(try base.dense(own(weight)), to: self) }
}

// MARK: Primitives

extension ProfilingBackend {
    package func fill(_ value: Float, into result: Tensor) throws {
        try measure([], into: result) { try base.fill(value, into: $0) }
    }

    package func convert(_ x: Tensor, into result: Tensor) throws {
        try measure([x], into: result) { try base.convert(own(x), into: $0) }
    }

    package func unary(_ kind: UnaryKind, _ x: Tensor, into result: Tensor) throws {
        try measure([x], into: result) { try base.unary(kind, own(x), into: $0) }
    }

    package func binary(_ kind: BinaryKind, _ a: Tensor, _ b: Tensor, into result: Tensor) throws {
        try measure([a, b], into: result) { try base.binary(kind, own(a), own(b), into: $0) }
    }

    package func reduce(_ kind: ReduceKind, _ x: Tensor, into result: Tensor) throws {
        try measure([x], into: result) { try base.reduce(kind, own(x), into: $0) }
    }

    package func argmax(_ x: Tensor, into result: Tensor) throws {
        try measure([x], into: result) { try base.argmax(own(x), into: $0) }
    }

    package func matmul(_ a: Tensor, _ b: Tensor, transposed: Bool, into result: Tensor) throws {
        let operationCount = 2 * Double(result.shape.count) * Double(a.shape.columns)
        try measure(.primitive, operationCount: operationCount, [a, b], into: result) {
            try base.matmul(own(a), own(b), transposed: transposed, into: $0)
        }
    }

    package func permute(_ x: Tensor, axes: [Int], into result: Tensor) throws {
        try measure([x], into: result) { try base.permute(own(x), axes: axes, into: $0) }
    }

    package func concatenate(_ parts: [Tensor], into result: Tensor) throws {
        try measure(parts, into: result) { try base.concatenate(parts.map(own), into: $0) }
    }

    package func gather(_ x: Tensor, rows indices: Tensor, into result: Tensor) throws {
        try measure([x, indices], into: result) { try base.gather(own(x), rows: own(indices), into: $0) }
    }

    package func scatterAdd(_ x: Tensor, rows indices: Tensor, into result: Tensor) throws {
        try measure([x, indices], into: result) { try base.scatterAdd(own(x), rows: own(indices), into: $0) }
    }
}
