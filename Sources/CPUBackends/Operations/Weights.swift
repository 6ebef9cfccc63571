import SIMDKernelTable
import TensorEngine

extension CPUBackend {
    public func prepare(_ weight: Tensor, for use: WeightUse, as dtype: DType) throws -> PreparedWeight {
        let multiplier = multiplier(for: use, as: dtype)
        guard multiplier is SIMDMultiplier else {
            let (n, k) = (weight.shape[0], weight.shape[1])
            let form = try Tensor.uninitialized([1, multiplier.preparedCount(n: n, k: k)], on: self)
            withExtendedLifetime(weight) { multiplier.prepare(weight.matrix, into: form.elements.pointer) }
            return PreparedWeight(shape: weight.shape, use: use, tensor: form)
        }
        var panels = try WeightPanels(weight.shape, use, from: .float32, as: dtype, on: self)
        let rows = UnsafeRawPointer(weight.storage.address)
        try withExtendedLifetime(weight) {
            try panels.pack((0..<weight.shape.rows).map { rows + $0 * weight.shape.columns * 4 }, scales: nil)
        }
        return panels.weight
    }

    /// From where the parts lie, mapped files say, whose pages may go once they are packed.
    public func prepare(_ weight: StoredWeight, as dtype: DType) throws -> PreparedWeight {
        guard multiplier(for: .linear, as: dtype) is SIMDMultiplier else {
            return try prepareDense(weight, as: dtype)
        }
        var panels = try WeightPanels(weight.shape, .linear, from: weight.dtype, as: dtype, on: self)
        let isAligned = try weight.withUnsafeRows { rows in
            guard rows.allSatisfy({ Int(bitPattern: $0) % weight.dtype.byteSize == 0 }) else { return false }
            try panels.pack(rows, scales: weight.scales, done: weight.discardResidentPages(of:))
            return true
        }
        return isAligned ? panels.weight : try prepareDense(weight, as: dtype)
    }

    public func dense(_ weight: PreparedWeight) throws -> Tensor {
        let result = try Tensor.uninitialized(weight.shape, on: self)
        let (n, k) = (weight.shape[weight.shape.rank - 2], weight.shape.columns)
        let (form, type) = (weight.tensor, panelType(of: weight))
        let multiplier = multiplier(for: weight.use, as: form.dtype)
        // Whole panels of each group.
        let bandRowCount = 16 * kernels.tileColumns
        let bandCount = (n + bandRowCount - 1) / bandRowCount
        let elements = result.elements
        workers.run(form.shape[0] * bandCount) { band, _ in
            let (group, first) = (band / bandCount, band % bandCount * bandRowCount)
            let place = group * form.shape[1] + first * type.panelDepth(k)
            multiplier.restore(
                UnsafeRawPointer(form.storage.address) + place * type.byteSize, from: type,
                n: min(bandRowCount, n - first), k: k,
                scales: weight.scales.map { $0.readOnly + group * n + first },
                into: elements + (group * n + first) * k)
        }
        return result
    }

    /// No BLAS reads rows that overlap at every step, as those of grouped convolutions do, or weights that aren't
    /// float32: these are the family's own.
    func multiplier(for use: WeightUse, as dtype: DType) -> any MatrixMultiplier {
        use == .linear && dtype == .float32 ? multiplier : ownMultiplier
    }
}

/// A weight's panels, to be filled from rows that lie anywhere.
private struct WeightPanels {
    private(set) var weight: PreparedWeight
    private let backend: CPUBackend
    private let storedType: PanelType
    private let panelType: PanelType
    /// Rows of each group, and depth.
    private let n: Int
    private let k: Int
    /// Bytes of the source that are packed before their pages may go.
    private static let batchByteCount = 32 << 20

    init(_ shape: Shape, _ use: WeightUse, from stored: DType, as dtype: DType, on backend: CPUBackend) throws {
        (n, k) = (shape[shape.rank - 2], shape.columns)
        let groups = use == .grouped ? shape[0] : 1
        panelType = backend.kernels.panelType(of: PanelType(dtype))
        let count = backend.ownMultiplier.preparedCount(n: n, k: k, as: panelType)
        // Kernels read the scales and totals of whole panels, also beyond the last row.
        let sideShape: Shape = [groups * n + backend.kernels.tileColumns, 1]
        func side(_ isWanted: Bool) throws -> Tensor? {
            isWanted ? try Tensor.filled(1, shape: sideShape, on: backend) : nil
        }
        weight = try PreparedWeight(
            shape: shape, use: use, tensor: Tensor.uninitialized([groups, count], dtype: dtype, on: backend),
            scales: side(panelType.isInteger), totals: side(panelType == .int8))
        storedType = PanelType(stored)
        self.backend = backend
    }

    /// Packs all rows, and calls `done` for ranges of them that won't be read again.
    /// - Parameter scales: of rows of int8.
    mutating func pack(_ rows: [UnsafeRawPointer], scales: [Float]?, done: (Range<Int>) -> Void = { _ in }) throws {
        let width = backend.kernels.tileColumns
        let panelsPerGroup = (n + width - 1) / width
        let panelCount = n == 0 ? 0 : rows.count / n * panelsPerGroup
        /// The row that a panel begins with.
        func row(_ panel: Int) -> Int { panel / panelsPerGroup * n + panel % panelsPerGroup * width }
        let batch = max(1, Self.batchByteCount / max(1, width * k * storedType.byteSize))
        let scratch = try backend.scratch(count: PackTask.scratchCount, workers: backend.workers.count)
        for first in stride(from: 0, to: panelCount, by: batch) {
            let panels = first..<min(panelCount, first + batch)
            let columns: [UnsafeRawPointer?] = panels.flatMap { panel in
                let end = min(row(panel) + width, (panel / panelsPerGroup + 1) * n)
                let inside = rows[row(panel)..<end].map(Optional.some)
                return inside + Array(repeating: nil, count: width - inside.count)
            }
            let largestPair = pack(
                panels, columns: columns, firstRows: panels.map(row), scales: scales ?? [], scratch)
            weight.largestPair = max(weight.largestPair, largestPair)
            done(row(first)..<(panels.upperBound == panelCount ? rows.count : row(panels.upperBound)))
        }
        guard let scales, panelType == .int8, let target = weight.scales else { return }
        withExtendedLifetime(target) {
            for (row, scale) in scales.enumerated() { target.elements.pointer[row] = scale }
        }
    }

    /// - Returns: the largest pair of these panels' integers.
    private func pack(
        _ panels: Range<Int>, columns: [UnsafeRawPointer?], firstRows: [Int], scales: [Float], _ scratch: Scratch
    ) -> Int {
        let (kernels, depth, width) = (backend.kernels, k, backend.kernels.tileColumns)
        let (storedType, panelType, numberType) = (storedType, panelType, PanelType(weight.tensor.dtype))
        let panelByteCount = width * panelType.panelDepth(depth) * panelType.byteSize
        let form = SharedPointer(weight.tensor.storage.address.assumingMemoryBound(to: UInt8.self))
        let (newScales, totals) = (weight.scales?.elements, weight.totals?.elements)
        let parts = max(1, min(panels.count, backend.workers.count * 4, panels.count * width * depth >> 15))
        return columns.withUnsafeBufferPointer { columns in
            scales.withUnsafeBufferPointer { scales in
                guard let start = columns.baseAddress.map({ SharedPointer($0) }) else { return 0 }
                let storedScales = scales.isEmpty ? nil : scales.baseAddress.map { SharedPointer($0) }
                return withUnsafeTemporaryAllocation(of: Int.self, capacity: panels.count) { largestPairs in
                    largestPairs.initialize(repeating: 0)
                    let pairs = largestPairs.baseAddress.map { SharedPointer($0) }
                    backend.workers.run(parts) { part, worker in
                        for index in panels.count * part / parts..<panels.count * (part + 1) / parts {
                            var task = PackTask(
                                columns: start + index * width, depth: depth, storedType: storedType,
                                panel: form + (panels.lowerBound + index) * panelByteCount,
                                panelType: panelType, scratch: scratch[worker])
                            task.numberType = numberType
                            task.storedScales = storedScales.map { UnsafePointer($0 + firstRows[index]) }
                            task.scales = newScales.map { $0 + firstRows[index] }
                            task.totals = totals.map { $0 + firstRows[index] }
                            task.largestPair = pairs.map { $0 + index }
                            kernels.packPanel(task)
                        }
                    }
                    return largestPairs.max() ?? 0
                }
            }
        }
    }
}
