import TensorEngine

/// A tensor inside a storage: where it starts and how far apart neighbours lie on each axis, in elements.
struct StridedView {
    /// As in PyTorch.
    static let rankLimit = 64

    let shape: Shape
    let strides: [Int]
    let offset: Int

    /// nil when the sizes are impossible, an element lies outside the storage, or there are more elements
    /// than the storage has (a broadcast view: its dense copy could be of any size).
    init?(sizes: [Int], strides: [Int], offset: Int, storageCount: Int) {
        guard sizes.count == strides.count, sizes.count <= Self.rankLimit, let shape = Shape(validating: sizes),
            shape.count <= storageCount, 0 <= offset, offset <= storageCount
        else { return nil }
        var last = offset
        for (size, stride) in zip(sizes, strides) where shape.count > 0 {
            let (span, overflow) = stride.multipliedReportingOverflow(by: size - 1)
            guard stride >= 0, !overflow, span < storageCount - last || span == 0 else { return nil }
            last += span
        }
        guard shape.count == 0 || last < storageCount else { return nil }
        self.shape = shape
        self.strides = strides
        self.offset = offset
    }

    /// The elements lie densely and in order.
    var isContiguous: Bool {
        guard shape.count > 0 else { return true }
        var expected = 1
        for (size, stride) in zip(shape.dimensions, strides).reversed() where size != 1 {
            guard stride == expected else { return false }
            expected *= size
        }
        return true
    }

    /// The elements of `storage` in row-major order.
    func denseBytes(of storage: UnsafeRawBufferPointer, elementSize: Int) -> [UInt8] {
        let byteCount = shape.count * elementSize
        // The stride of an axis of one element may be anything.
        let columnStride = shape.columns > 1 ? (strides.last ?? 1) * elementSize : 0
        return [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, initialized in
            initialized = byteCount
            guard byteCount > 0 else { return }
            let dense = UnsafeMutableRawBufferPointer(buffer)
            var index = [Int](repeating: 0, count: max(shape.rank - 1, 0))
            var target = 0
            for _ in 0..<shape.rows {
                var source = offset * elementSize
                for axis in index.indices where index[axis] > 0 { source += index[axis] * strides[axis] * elementSize }
                for _ in 0..<shape.columns {
                    for byte in 0..<elementSize { dense[target + byte] = storage[source + byte] }
                    source += columnStride
                    target += elementSize
                }
                for axis in index.indices.reversed() {
                    index[axis] += 1
                    if index[axis] < shape[axis] { break }
                    index[axis] = 0
                }
            }
        }
    }
}
