import SIMDKernelTable
import TensorEngine

/// A pointer that tasks on several threads use.
///
/// It doesn't keep its tensor alive: an operation's parameters live as long as the call, but a tensor that the
/// operation makes itself needs `withExtendedLifetime`.
///
/// `@unchecked Sendable`: each task writes a part that no other task touches, and all end before the call returns.
struct SharedPointer<Pointee>: @unchecked Sendable {
    let pointer: UnsafeMutablePointer<Pointee>

    init(_ pointer: UnsafeMutablePointer<Pointee>) {
        self.pointer = pointer
    }

    init(_ pointer: UnsafePointer<Pointee>) {
        self.pointer = UnsafeMutablePointer(mutating: pointer)
    }

    static func + (base: Self, offset: Int) -> UnsafeMutablePointer<Pointee> { base.pointer + offset }
}

extension Tensor {
    /// The elements of a float32 tensor on a CPU.
    var elements: SharedPointer<Float> { SharedPointer(storage.address.assumingMemoryBound(to: Float.self)) }

    /// The elements of a bfloat16 tensor.
    var brains: SharedPointer<UInt16>? {
        dtype == .bfloat16 ? SharedPointer(storage.address.assumingMemoryBound(to: UInt16.self)) : nil
    }

    /// A matrix of all rows, over the last axis.
    var matrix: Matrix {
        Matrix(elements.pointer, rows: shape.rows, columns: shape.columns, stride: shape.columns)
    }
}

extension ElementFunction {
    init(_ kind: UnaryKind?) {
        switch kind {
        case nil: self = .identity
        case .negate: self = .negate
        case .absolute: self = .absolute
        case .square: self = .square
        case .squareRoot: self = .squareRoot
        case .reciprocal: self = .reciprocal
        case .exponential: self = .exponential
        case .logarithm: self = .logarithm
        case .tanh: self = .tanh
        case .sigmoid: self = .sigmoid
        case .relu: self = .relu
        case .leakyRelu: self = .leakyRelu
        case .silu: self = .silu
        case .gelu: self = .gelu
        case .geluTanh: self = .geluTanh
        case .geluSigmoid: self = .geluSigmoid
        }
    }
}

extension BinaryTask.Function {
    init(_ kind: BinaryKind) {
        switch kind {
        case .add: self = .add
        case .subtract: self = .subtract
        case .multiply: self = .multiply
        case .divide: self = .divide
        case .maximum: self = .maximum
        case .minimum: self = .minimum
        }
    }
}
