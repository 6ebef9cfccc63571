import SIMDKernelTable
import TensorEngine

extension CPUBackend {
    /// A task is one head of all queries: those of one utterance follow each other and read the same keys and values,
    /// which are in cache after the first.
    public func rowAttention(
        _ query: Tensor, _ keyValues: Tensor, rows: AttendedRows, heads: Int, into result: Tensor
    ) throws {
        counters.add(.attentions)
        let width = query.shape[1]
        let size = width / heads
        guard query.shape[0] > 0, size > 0 else { return }
        let scoreStride = RowAttentionTask.scoreStride(longest: rows.longest)
        let scratch = try scratch(count: RowAttentionTask.queryCount * scoreStride, workers: workers.count)
        let (q, kv, y, kernels) = (query.elements, keyValues.elements, result.elements, kernels)
        let work = 2 * width * rows.rows.shape.count
        let parts = work < Self.grain ? 1 : heads
        workers.run(parts) { part, worker in
            for head in heads * part / parts..<heads * (part + 1) / parts {
                let first = head * size
                kernels.rowAttention(
                    RowAttentionTask(
                        query: Matrix(q + first, rows: query.shape[0], columns: size, stride: width),
                        keys: kv + first, values: kv + (width + first), stride: 2 * width,
                        rows: rows.rows.integers, starts: rows.starts.integers, scale: 1 / Float(size).squareRoot(),
                        result: y + first, resultStride: width, scratch: scratch[worker], scoreStride: scoreStride))
            }
        }
    }

    public func append(_ x: Tensor, at row: Int, of cache: inout Tensor) throws {
        (cache.elements + row * x.shape[1]).update(from: x.readOnly, count: x.shape.count)
    }
}

extension Tensor {
    /// The elements of an int32 tensor on a CPU.
    fileprivate var integers: UnsafePointer<Int32> {
        UnsafePointer(storage.address.assumingMemoryBound(to: Int32.self))
    }
}
