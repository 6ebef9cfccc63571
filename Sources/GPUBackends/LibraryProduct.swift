import TensorEngine

/// A product `C = A · Wᵀ + bias + residual` that a vendor's library may do: `[m, depth]` × `[n, depth]` → `[m, n]`.
/// A and W have one type; bias, residual and all sums are float32, and so is C where anything is added.
package struct LibraryProduct: Hashable, Sendable {
    package var m: Int
    package var n: Int
    package var depth: Int
    /// Numbers from one row of A to the next, at least `depth`.
    package var aRowStride: Int
    /// Numbers from one row of W to the next, at least `depth`.
    package var weightRowStride: Int
    package var type: DType
    package var resultType: DType
    package var hasBias: Bool
    package var hasResidual: Bool

    /// - Parameter weightRowStride: nil for rows one after the other.
    package init(
        m: Int, n: Int, depth: Int, aRowStride: Int, weightRowStride: Int? = nil, type: DType,
        resultType: DType = .float32, hasBias: Bool = false, hasResidual: Bool = false
    ) {
        self.m = m
        self.n = n
        self.depth = depth
        self.aRowStride = aRowStride
        self.weightRowStride = weightRowStride ?? depth
        self.type = type
        self.resultType = resultType
        self.hasBias = hasBias
        self.hasResidual = hasResidual
    }
}

package struct LibraryOperands: Sendable {
    package var a: Storage
    package var weight: Storage
    /// Numbers of a row, of A and of W, before those that are multiplied.
    package var offset: Int
    package var bias: Storage?
    /// It may be `c`.
    package var residual: Storage?
    package var c: Storage
    package var workspace: Storage

    package init(
        a: Storage, weight: Storage, offset: Int = 0, bias: Storage? = nil, residual: Storage? = nil, c: Storage,
        workspace: Storage
    ) {
        self.a = a
        self.weight = weight
        self.offset = offset
        self.bias = bias
        self.residual = residual
        self.c = c
        self.workspace = workspace
    }
}

extension GPUBackend {
    /// A product by the vendor's library, where there is one that takes it: of rows that lie apart, or of parts of
    /// their depth that do.
    ///
    /// Its own GELU is the tanh form, and the models' is the exact one: what comes after the sum is done by kernels.
    /// Into 16 bits it gives the bare product, whose bias and activation follow.
    func multiplyByLibrary(_ product: Product) throws -> Bool {
        let isPlain = product.starts == nil && product.batches == 1 && product.cRowStride == product.n
        let isSized = product.m > 0 && product.n > 0 && product.depth > 0 && product.rowStride > 0
        let isNarrow = product.resultType != .float32
        guard driver.productLibrary != nil, isPlain, isSized, product.scales == nil,
            product.weightType.isFloatingPoint, !isNarrow || product.residual == nil
        else { return false }
        let residual = product.activation == nil ? product.residual : nil
        let bias = isNarrow ? nil : product.bias
        let parts = depthParts(of: product)
        let requests = parts.map { part in
            LibraryProduct(
                m: product.m, n: product.n, depth: part.count, aRowStride: product.rowStride,
                weightRowStride: product.depth, type: product.weightType, resultType: product.resultType,
                hasBias: part.lowerBound == 0 && bias != nil, hasResidual: part.lowerBound > 0 || residual != nil)
        }
        let workspaces = try requests.compactMap { try driver.workspaceByteCount(for: $0) }
        guard let largestWorkspace = workspaces.max(), workspaces.count == requests.count else { return false }
        let aCount = (product.m - 1) * product.rowStride + product.depth
        var operands = LibraryOperands(
            a: try converted(product.a, product.aType, count: aCount, to: product.weightType), weight: product.weight,
            bias: bias?.storage, residual: residual?.storage, c: product.c,
            workspace: try pool.allocate(byteCount: max(1, largestWorkspace)))
        for (part, request) in zip(parts, requests) {
            operands.offset = part.lowerBound
            if part.lowerBound > 0 { (operands.bias, operands.residual) = (nil, product.c) }
            guard try driver.multiply(request, operands) else { return false }
        }
        counters.add(.libraryProducts)
        if isNarrow {
            try finishNarrow(product)
        } else if let activation = product.activation {
            try activate(product.c, activation, residual: product.residual, count: product.m * product.n)
        }
        return true
    }

    /// Parts of the depth within which rows don't overlap, whose products add up; none where a kernel of ours does
    /// better.
    private func depthParts(of product: Product) -> [Range<Int>] {
        let (stride, depth) = (product.rowStride, product.depth)
        guard stride < depth else { return [0..<depth] }
        let hasTensorCores = shape.usesTensorCores && product.weightType != .float32
        // Each part begins where the library expects operands to: at a multiple of 256 bytes.
        let isAligned = (stride * product.weightType.byteSize).isMultiple(of: 256)
        guard !hasTensorCores, isAligned, product.resultType == .float32, depth <= 4 * stride else { return [] }
        return Swift.stride(from: 0, to: depth, by: stride).map { $0..<min($0 + stride, depth) }
    }

    /// Numbers as another type; float16 saturates.
    func converted(_ storage: Storage, _ type: DType, count: Int, to resultType: DType) throws -> Storage {
        guard type != resultType else { return storage }
        let result = try pool.allocate(byteCount: count * resultType.byteSize)
        try convertInRange(storage, type, into: result, resultType, count: count)
        return result
    }

    /// Bias and activation of a product of 16 bits, in place.
    private func finishNarrow(_ product: Product) throws {
        guard product.bias != nil || product.activation != nil else { return }
        try launch(
            shape.elementwise, "finish_narrow", groups: (product.m, blocks(product.n), 1), threads: shape.groupSize,
            [
                .buffer(product.c), .int(product.resultType.weightCode), .buffer(product.bias), .int(product.n),
                .int(product.activation.code),
            ])
    }

    /// In place: each number is read by the thread that writes it.
    private func activate(_ c: Storage, _ activation: UnaryKind, residual: Tensor?, count: Int) throws {
        try launch(
            shape.elementwise, "unary", groups: (blocks(count), 1, 1), threads: shape.groupSize,
            [.int(activation.code), .buffer(c), .buffer(c), .long(count)])
        guard let residual else { return }
        try launch(
            shape.elementwise, "binary", groups: (blocks(count), 1, 1), threads: shape.groupSize,
            [
                .int(BinaryKind.add.code), .buffer(c), .buffer(residual), .buffer(c), .long(count), .long(0), .int(1),
            ])
    }
}
