/// Another backend reduced to its memory and primitives: every fused operation runs as its default body.
///
/// What it computes must equal what the wrapped backend computes by its own fused operations.
package final class PrimitivesBackend: Backend {
    package let base: any Backend
    package var device: Device { base.device }
    package var summary: String { "\(base.summary), primitives only" }
    package var pool: StoragePool { base.pool }
    package var counters: Counters { base.counters }
    package var tileByteCount: Int { base.tileByteCount }
    package var batchesUnderWay: Int { base.batchesUnderWay }
    package var usesTF32: Bool { base.usesTF32 }

    package init(_ base: any Backend) {
        self.base = base
    }

    package func upload(_ bytes: UnsafeRawBufferPointer, into storage: Storage) throws {
        try base.upload(bytes, into: storage)
    }

    package func download(_ storage: Storage, into bytes: UnsafeMutableRawBufferPointer) throws {
        try base.download(storage, into: bytes)
    }

    package func synchronize() throws { try base.synchronize() }

    package func fill(_ value: Float, into result: Tensor) throws {
        try base.fill(value, into: own(result))
    }

    package func convert(_ x: Tensor, into result: Tensor) throws {
        try base.convert(own(x), into: own(result))
    }

    package func unary(_ kind: UnaryKind, _ x: Tensor, into result: Tensor) throws {
        try base.unary(kind, own(x), into: own(result))
    }

    package func binary(_ kind: BinaryKind, _ a: Tensor, _ b: Tensor, into result: Tensor) throws {
        try base.binary(kind, own(a), own(b), into: own(result))
    }

    package func reduce(_ kind: ReduceKind, _ x: Tensor, into result: Tensor) throws {
        try base.reduce(kind, own(x), into: own(result))
    }

    package func argmax(_ x: Tensor, into result: Tensor) throws {
        try base.argmax(own(x), into: own(result))
    }

    package func matmul(_ a: Tensor, _ b: Tensor, transposed: Bool, into result: Tensor) throws {
        try base.matmul(own(a), own(b), transposed: transposed, into: own(result))
    }

    package func permute(_ x: Tensor, axes: [Int], into result: Tensor) throws {
        try base.permute(own(x), axes: axes, into: own(result))
    }

    package func concatenate(_ parts: [Tensor], into result: Tensor) throws {
        try base.concatenate(parts.map(own), into: own(result))
    }

    package func gather(_ x: Tensor, rows indices: Tensor, into result: Tensor) throws {
        try base.gather(own(x), rows: own(indices), into: own(result))
    }

    package func scatterAdd(_ x: Tensor, rows indices: Tensor, into result: Tensor) throws {
        try base.scatterAdd(own(x), rows: own(indices), into: own(result))
    }

    /// The same storage as the wrapped backend knows it.
    private func own(_ tensor: Tensor) -> Tensor {
        Tensor(shape: tensor.shape, dtype: tensor.dtype, backend: base, storage: tensor.storage)
    }
}
