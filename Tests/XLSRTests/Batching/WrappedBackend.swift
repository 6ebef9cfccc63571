import TensorEngine

/// Another backend reduced to its primitives, with something of a test's own before copies.
final class WrappedBackend: Backend {
    let base: any Backend
    let device: Device
    let batchesUnderWay: Int
    private let beforeUpload: @Sendable () throws -> Void
    private let beforeDownload: @Sendable () throws -> Void

    var summary: String { base.summary }
    var pool: StoragePool { base.pool }
    var counters: Counters { base.counters }

    init(
        _ base: any Backend, as device: Device, batchesUnderWay: Int = 1,
        beforeUpload: @escaping @Sendable () throws -> Void = {},
        beforeDownload: @escaping @Sendable () throws -> Void = {}
    ) {
        self.base = base
        self.device = device
        self.batchesUnderWay = batchesUnderWay
        self.beforeUpload = beforeUpload
        self.beforeDownload = beforeDownload
    }

    func upload(_ bytes: UnsafeRawBufferPointer, into storage: Storage) throws {
        try beforeUpload()
        try base.upload(bytes, into: storage)
    }

    func download(_ storage: Storage, into bytes: UnsafeMutableRawBufferPointer) throws {
        try beforeDownload()
        try base.download(storage, into: bytes)
    }

    func synchronize() throws { try base.synchronize() }
    func fill(_ value: Float, into result: Tensor) throws { try base.fill(value, into: own(result)) }
    func convert(_ x: Tensor, into result: Tensor) throws { try base.convert(own(x), into: own(result)) }
    func unary(_ kind: UnaryKind, _ x: Tensor, into result: Tensor) throws {
        try base.unary(kind, own(x), into: own(result))
    }
    func binary(_ kind: BinaryKind, _ a: Tensor, _ b: Tensor, into result: Tensor) throws {
        try base.binary(kind, own(a), own(b), into: own(result))
    }
    func reduce(_ kind: ReduceKind, _ x: Tensor, into result: Tensor) throws {
        try base.reduce(kind, own(x), into: own(result))
    }
    func argmax(_ x: Tensor, into result: Tensor) throws { try base.argmax(own(x), into: own(result)) }
    func matmul(_ a: Tensor, _ b: Tensor, transposed: Bool, into result: Tensor) throws {
        try base.matmul(own(a), own(b), transposed: transposed, into: own(result))
    }
    func permute(_ x: Tensor, axes: [Int], into result: Tensor) throws {
        try base.permute(own(x), axes: axes, into: own(result))
    }
    func concatenate(_ parts: [Tensor], into result: Tensor) throws {
        try base.concatenate(parts.map(own), into: own(result))
    }
    func gather(_ x: Tensor, rows indices: Tensor, into result: Tensor) throws {
        try base.gather(own(x), rows: own(indices), into: own(result))
    }
    func scatterAdd(_ x: Tensor, rows indices: Tensor, into result: Tensor) throws {
        try base.scatterAdd(own(x), rows: own(indices), into: own(result))
    }

    private func own(_ tensor: Tensor) -> Tensor {
        Tensor(shape: tensor.shape, dtype: tensor.dtype, backend: base, storage: tensor.storage)
    }
}
