import SIMDKernelTable
import TensorEngine

extension CPUBackend {
    /// A task is some queries of one head of one segment. It packs the head's keys and values, which costs little
    /// beside the scores when there are many queries, so heads are cut only when there are fewer than threads.
    public func attention(
        _ queryKeyValue: Tensor, heads: Int, segments: Segments, precision: DType, into result: Tensor
    ) throws {
        counters.add(.attentions)
        let width = result.shape[1]
        let size = width / heads
        let kernel = kernels.attention(forWeights: PanelType(precision))
        let panelColumns = kernels.tileColumns
        /// Up to a whole panel.
        func padded(_ columns: Int) -> Int { (columns + panelColumns - 1) / panelColumns * panelColumns }
        let keyByteCount = kernel.keys.byteCount(columns: padded(segments.longest), depth: size)
        let valueByteCount = kernel.values.byteCount(columns: padded(size), depth: segments.longest)
        let parts = queryParts(segments, heads: heads)
        let sumCount = (keyByteCount + valueByteCount) / 4 + AttentionTask.scratchCount(size: size)
        let brains = result.brains
        /// Results that are rounded afterwards.
        let resultCount = brains == nil ? 0 : size * (parts.map(\.queries.count).max() ?? 0)
        let scratch = try scratch(count: sumCount + resultCount, workers: workers.count)
        let (source, target) = (queryKeyValue.elements, result.elements)
        let roundToBrains = kernels.tiles?.roundToBrains
        workers.run(parts.count * heads) { index, worker in
            let (part, head) = (parts[index / heads], index % heads)
            let segment = segments[part.segment]
            let keys = UnsafeMutableRawPointer(scratch[worker])
            let values = keys + keyByteCount
            let memory = (values + valueByteCount).assumingMemoryBound(to: Float.self)
            let first = source + (segment.lowerBound * 3 * width + head * size)
            func matrix(_ offset: Int, _ rows: Range<Int>) -> Matrix {
                Matrix(
                    first + (rows.lowerBound * 3 * width + offset), rows: rows.count, columns: size, stride: 3 * width)
            }
            kernel.packKeys(matrix(width, 0..<segment.count), keys, memory)
            kernel.packValues(matrix(2 * width, 0..<segment.count), values, memory)
            let offset = (segment.lowerBound + part.queries.lowerBound) * width + head * size
            let rounded = brains == nil ? nil : scratch[worker] + sumCount
            kernel.compute(
                AttentionTask(
                    query: matrix(0, part.queries), keyPanels: keys, valuePanels: values,
                    keys: segment.count, scale: 1 / Float(size).squareRoot(),
                    result: rounded ?? target + offset, resultStride: rounded == nil ? width : size, scratch: memory))
            guard let brains, let roundToBrains, let rounded else { return }
            for query in 0..<part.queries.count {
                roundToBrains(rounded + query * size, brains + (offset + query * width), size)
            }
        }
    }

    private func queryParts(_ segments: Segments, heads: Int) -> [(segment: Int, queries: Range<Int>)] {
        let perSegment = max(1, 2 * workers.count / max(1, heads * segments.count))
        return (0..<segments.count).flatMap { index in
            let length = segments.lengths[index]
            let blocks = (length + AttentionTask.queryBlock - 1) / AttentionTask.queryBlock
            let parts = min(perSegment, blocks)
            return (0..<parts).map { part in
                let start = blocks * part / parts * AttentionTask.queryBlock
                let end = blocks * (part + 1) / parts * AttentionTask.queryBlock
                return (index, start..<min(length, end))
            }
        }
    }
}

extension KernelTable {
    /// Beside weights of fewer bits than float32, over such where that is faster here; what the values are weighted
    /// with is never int8, of which many small ones would vanish.
    fileprivate func attention(forWeights type: PanelType) -> AttentionKernel {
        if type.fitsTiles, let tiles { return tiles.attention }
        let hasShorts = shortTypes.contains(type == .int8 ? .bfloat16 : type)
        let dots =
            dotTypes.contains(.bfloat16) && type.fitsTiles
            ? dotAttention : hasShorts && hasDotsOfIntegers ? shortDotAttention : nil
        if let dots { return type == .int8 ? dots.byteKernel : dots.kernel }
        return hasShorts ? shortAttention ?? attention : attention
    }
}
