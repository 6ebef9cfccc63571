/// A backend that stands before another one, on whose memory it works: what it doesn't do otherwise, memory and
/// primitives, the other one does.
package protocol DecoratorBackend: Backend {
    var base: any Backend { get }

    /// The same storage as the other backend knows it.
    /// - Throws: where an operation that is only passed on must not have that operand.
    func passed(_ tensor: Tensor) throws -> Tensor
}

extension DecoratorBackend {
    package var device: Device { base.device }
    package var pool: StoragePool { base.pool }
    package var counters: Counters { base.counters }
    package var tileByteCount: Int { base.tileByteCount }
    package var batchesUnderWay: Int { base.batchesUnderWay }
    package var usesTF32: Bool { base.usesTF32 }

    func bare(_ tensor: Tensor) -> Tensor {
        Tensor(shape: tensor.shape, dtype: tensor.dtype, backend: base, storage: tensor.storage)
    }

    package func upload(_ bytes: UnsafeRawBufferPointer, into storage: Storage) throws {
        try base.upload(bytes, into: storage)
    }

    package func download(_ storage: Storage, into bytes: UnsafeMutableRawBufferPointer) throws {
        try base.download(storage, into: bytes)
    }

    package func synchronize() throws { try base.synchronize() }

    package func fill(_ value: Float, into result: Tensor) throws {
        try base.fill(value, into: bare(result))
    }

    package func convert(_ x: Tensor, into result: Tensor) throws {
        try base.convert(passed(x), into: bare(result))
    }

    package func unary(_ kind: UnaryKind, _ x: Tensor, into result: Tensor) throws {
        try base.unary(kind, passed(x), into: bare(result))
    }

    package func binary(_ kind: BinaryKind, _ a: Tensor, _ b: Tensor, into result: Tensor) throws {
        try base.binary(kind, passed(a), passed(b), into: bare(result))
    }

    package func reduce(_ kind: ReduceKind, _ x: Tensor, into result: Tensor) throws {
        try base.reduce(kind, passed(x), into: bare(result))
    }

    package func argmax(_ x: Tensor, into result: Tensor) throws {
        try base.argmax(passed(x), into: bare(result))
    }

    package func matmul(_ a: Tensor, _ b: Tensor, transposed: Bool, into result: Tensor) throws {
        try base.matmul(passed(a), passed(b), transposed: transposed, into: bare(result))
    }

    package func permute(_ x: Tensor, axes: [Int], into result: Tensor) throws {
        try base.permute(passed(x), axes: axes, into: bare(result))
    }

    package func concatenate(_ parts: [Tensor], into result: Tensor) throws {
        try base.concatenate(parts.map(passed), into: bare(result))
    }

    package func gather(_ x: Tensor, rows indices: Tensor, into result: Tensor) throws {
        try base.gather(passed(x), rows: bare(indices), into: bare(result))
    }

    package func scatterAdd(_ x: Tensor, rows indices: Tensor, into result: Tensor) throws {
        try base.scatterAdd(passed(x), rows: bare(indices), into: bare(result))
    }
}
