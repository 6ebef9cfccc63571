import SIMDKernelTable
import TensorEngine

extension CPUBackend {
    /// Laid out as `[group, frames with gaps of zeros, channels / groups]`, the windows of a group overlap
    /// contiguously: each group of each segment is a product over a view.
    public func groupedConvolution(
        _ x: Tensor, _ weight: PreparedWeight, bias: Tensor?, segments: Segments, activation: UnaryKind?,
        into result: Tensor
    ) throws {
        counters.add(.products)
        let (groups, width, channels) = (weight.shape[0], weight.shape[1], x.shape[1])
        let kernel = weight.shape[2] / width
        let gapped = segments.gapped(kernel: kernel)
        let rows = gapped.end + kernel - 1
        let layout = try scratch(count: groups * rows * width)
        defer { withExtendedLifetime(layout) {} }
        spread(x, segments, to: layout[0], gapped, rows: rows, groups: groups, width: width, kernel: kernel)

        let panelType = panelType(of: weight)
        let productKernel = ProductKernel(
            kernels, panelType, rows: segments.longest, depth: kernel * width, caches: Processor.current.caches)
        let steps = weight.steps(on: self)
        let form = SharedPointer(weight.tensor.storage.address.assumingMemoryBound(to: UInt8.self))
        let depth = productKernel.blockDepth(kernel * width)
        let block = (
            rows: productKernel.tileRows * min(16, productKernel.mostRowTiles(depth: depth)), depth: depth
        )
        let parts = (0..<segments.count).flatMap { index in
            stride(from: 0, to: segments.lengths[index], by: block.rows).map { (segment: index, first: $0) }
        }
        let blocks = try scratch(count: productKernel.scratchCount(block), workers: workers.count)
        workers.run(parts.count * groups) { index, worker in
            let (part, group) = (parts[index % parts.count], index / parts.count)
            let count = min(block.rows, segments.lengths[part.segment] - part.first)
            let source = layout[0] + (group * rows + gapped.offsets[part.segment] + part.first) * width
            let offset = (segments.offsets[part.segment] + part.first) * channels + group * width
            var task = ProductTask(
                a: Matrix(source, rows: count, columns: kernel * width, stride: width),
                panels: form + group * weight.tensor.shape[1] * panelType.byteSize, c: result.elements + offset,
                cStride: channels, n: width,
                blockRows: block.rows, blockDepth: block.depth, scratch: blocks[worker])
            task.panelType = panelType
            task.scales = weight.scales.map { $0.readOnly + group * width }
            task.totals = weight.totals.map { $0.readOnly + group * width }
            task.steps = steps
            task.bias = bias.map { $0.readOnly + group * width }
            task.activation = ElementFunction(activation)
            productKernel.compute(task)
        }
    }

    /// Copies `[rows, groups · width]` into `[group, gapped rows, width]`, with the kernel's zeros around each segment.
    private func spread(
        _ x: Tensor, _ segments: Segments, to layout: UnsafeMutablePointer<Float>, _ gapped: Segments, rows: Int,
        groups: Int, width: Int, kernel: Int
    ) {
        let (source, target) = (x.elements, SharedPointer(layout))
        workers.run(groups) { group, _ in
            let output = target + group * rows * width
            output.update(repeating: 0, count: rows * width)
            for index in 0..<segments.count {
                let start = output + (gapped.offsets[index] + kernel / 2) * width
                for row in 0..<segments.lengths[index] {
                    let input = source + ((segments.offsets[index] + row) * groups + group) * width
                    (start + row * width).update(from: input, count: width)
                }
            }
        }
    }
}
