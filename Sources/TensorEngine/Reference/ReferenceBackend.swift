import Glibc

/// The oracle: naive loops with Double sums, one rounding to float32 at the end of each operation.
///
/// Every operation, fused ones too, is written out directly from its formula and shares nothing with the default
/// bodies, so that those can be tested against it. Rows that the contract leaves undefined come out as NaN, so that
/// a caller who reads them notices. Slow by design; without state, hence safe to call from any thread.
public final class ReferenceBackend: Backend {
    public let device = Device.reference
    public let summary = "naive loops with Double sums"
    public let pool: StoragePool
    public let counters = Counters()
    /// A product of more multiply-adds than this computes `sampledRows` only and leaves the other rows NaN.
    public let multiplyAddLimit: Int

    /// - Parameters:
    ///   - guardByteCount: bytes after every storage that are checked when it comes back.
    ///   - multiplyAddLimit: above it, products and attention compute sampled rows only; unlimited by default.
    public init(guardByteCount: Int = 0, multiplyAddLimit: Int = .max) {
        pool = StoragePool(allocator: HostAllocator(), device: .reference, guardByteCount: guardByteCount)
        self.multiplyAddLimit = multiplyAddLimit
    }

    public func upload(_ bytes: UnsafeRawBufferPointer, into storage: Storage) throws {
        precondition(bytes.count <= storage.byteCount)
        guard let source = bytes.baseAddress else { return }
        memcpy(storage.address, source, bytes.count)
    }

    public func download(_ storage: Storage, into bytes: UnsafeMutableRawBufferPointer) throws {
        precondition(bytes.count <= storage.byteCount)
        guard let target = bytes.baseAddress else { return }
        memcpy(target, storage.address, bytes.count)
    }

    public func synchronize() throws {}

    /// The rows that a product of so many rows and multiply-adds computes: all of them, or, above the limit, 24 spread
    /// evenly, the first and the last among them.
    public func sampledRows(of rows: Int, multiplyAdds: Int) -> [Int] {
        let samples = 24
        guard multiplyAdds > multiplyAddLimit, rows > samples else { return Array(0..<rows) }
        return (0..<samples).map { $0 * (rows - 1) / (samples - 1) }
    }
}

extension Tensor {
    /// The elements of a tensor in host memory, float32 or int32.
    func elements<Element>(_ type: Element.Type = Float.self) -> UnsafeMutableBufferPointer<Element> {
        UnsafeMutableBufferPointer(start: storage.address.assumingMemoryBound(to: type), count: shape.count)
    }
}

/// `Σ a[i] · b[i · bStep]` in Double; the one inner loop, by pointers because it decides the time of debug builds.
func dot(
    _ a: UnsafeMutablePointer<Float>?, _ b: UnsafeMutablePointer<Float>?, count: Int, bStep: Int = 1
) -> Double {
    guard let a, let b else { return 0 }
    var sum = 0.0
    var index = 0
    while index < count {
        sum += Double(a[index]) * Double(b[index * bStep])
        index += 1
    }
    return sum
}
