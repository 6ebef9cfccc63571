import TensorEngine

extension GPUBackend {
    public func gather(_ x: Tensor, rows indices: Tensor, into result: Tensor) throws {
        let columns = result.shape.columns
        guard columns > 0 else { return }
        try launch(
            shape.movement, "gather", groups: (result.shape.rows, 1, 1), threads: shape.groupSize,
            [.buffer(x), .buffer(indices), .buffer(result), .int(columns)])
    }

    public func scatterAdd(_ x: Tensor, rows indices: Tensor, into result: Tensor) throws {
        try fill(0, into: result)
        let columns = result.shape.columns
        try launch(
            shape.movement, "scatter_add", groups: (ceil(columns, shape.groupSize), 1, 1),
            threads: shape.groupSize,
            [.buffer(x), .buffer(indices), .buffer(result), .int(x.shape[0]), .int(columns)])
    }

    public func permute(_ x: Tensor, axes: [Int], into result: Tensor) throws {
        let strides = x.shape.dimensions.indices.map { x.shape.dimensions[($0 + 1)...].reduce(1, *) }
        // Axes of size 1 in front fill up to four.
        let missing = [Int](repeating: 1, count: 4 - axes.count)
        let sizes = missing + result.shape.dimensions
        let steps = missing.map { _ in 0 } + axes.map { strides[$0] }
        let count = result.shape.count
        try launch(
            shape.movement, "permute", groups: (blocks(count), 1, 1), threads: shape.groupSize,
            [.buffer(x), .buffer(result), .long(count)] + sizes[1...].map { .int($0) } + steps.map { .long($0) })
    }

    public func concatenate(_ parts: [Tensor], into result: Tensor) throws {
        var offset = 0
        for part in parts {
            let byteCount = part.shape.count * part.dtype.byteSize
            if byteCount > 0 {
                try driver.copy(part.storage.address, byteCount: byteCount, to: result.storage.address, offset: offset)
            }
            offset += byteCount
        }
    }
}
