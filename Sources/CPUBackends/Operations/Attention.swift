import SIMDKernelTable
import TensorEngine

extension CPUBackend {
    /// A task is some queries of one head of one segment. It packs the head's keys and values, which costs little
    /// beside the scores when there are many queries, so heads are cut only when there are fewer than threads.
    /// In float32, whatever the precision: there is nothing to win here.
    public func attention(
        _ queryKeyValue: Tensor, heads: Int, segments: Segments, precision: DType, into result: Tensor
    ) throws {
        counters.add(.attentions)
        let width = result.shape[1]
        let size = width / heads
        let kernels = kernels
        let panels = (segments.longest + kernels.tileColumns - 1) / kernels.tileColumns * kernels.tileColumns
        let columns = (size + kernels.tileColumns - 1) / kernels.tileColumns * kernels.tileColumns
        let keyCount = panels * size
        let valueCount = columns * segments.longest
        let parts = queryParts(segments, heads: heads)
        let scratch = try scratch(
            count: keyCount + valueCount + AttentionTask.scratchCount(size: size), workers: workers.count)
        let (source, target) = (queryKeyValue.elements, result.elements)
        workers.run(parts.count * heads) { index, worker in
            let (part, head) = (parts[index / heads], index % heads)
            let segment = segments[part.segment]
            let memory = scratch[worker]
            let first = source + (segment.lowerBound * 3 * width + head * size)
            func matrix(_ offset: Int, _ rows: Range<Int>) -> Matrix {
                Matrix(
                    first + (rows.lowerBound * 3 * width + offset), rows: rows.count, columns: size, stride: 3 * width)
            }
            kernels.packTransposed(matrix(width, 0..<segment.count), memory)
            kernels.packRows(matrix(2 * width, 0..<segment.count), memory + keyCount)
            kernels.attention(
                AttentionTask(
                    query: matrix(0, part.queries), keyPanels: memory, valuePanels: memory + keyCount,
                    keys: segment.count, scale: 1 / Float(size).squareRoot(),
                    result: target + ((segment.lowerBound + part.queries.lowerBound) * width + head * size),
                    resultStride: width, scratch: memory + keyCount + valueCount))
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
