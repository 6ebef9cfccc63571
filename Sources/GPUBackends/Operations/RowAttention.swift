import TensorEngine

extension GPUBackend {
    public func rowAttention(
        _ query: Tensor, _ keyValues: Tensor, rows: AttendedRows, heads: Int, into result: Tensor
    ) throws {
        counters.add(.attentions)
        let size = query.shape[1] / heads
        guard size > 0 else { return }
        try launch(
            shape.rowAttention(headSize: size), "row_attention", groups: (query.shape[0], heads, 1),
            threads: shape.groupSize,
            [
                .buffer(query), .buffer(keyValues), .buffer(rows.rows), .buffer(rows.starts), .buffer(result),
                .int(heads), .float(1 / Float(size).squareRoot()),
            ])
    }

    public func append(_ x: Tensor, at row: Int, of cache: inout Tensor) throws {
        let rowByteCount = x.shape[1] * x.dtype.byteSize
        try driver.copy(
            x.storage.address, byteCount: x.shape[0] * rowByteCount, to: cache.storage.address,
            offset: row * rowByteCount)
    }
}
