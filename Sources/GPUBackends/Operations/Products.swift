import TensorEngine

/// `C = f(A · Wᵀ · scale + bias) + residual`, for some batches of the same shape.
struct Product {
    var a: Storage
    var aType = DType.float32
    /// Where each row of A begins, counted in `rowStride`; nil: one after the other. Rows may overlap.
    var starts: Storage?
    var rowStride: Int
    var batchStride = 0
    var weight: Storage
    var weightType = DType.float32
    var scales: Tensor?
    var bias: Tensor?
    var residual: Tensor?
    var c: Storage
    var resultType = DType.float32
    var cRowStride: Int
    var cBatchStride = 0
    var m: Int
    var n: Int
    var depth: Int
    var batches = 1
    var activation: UnaryKind?
}

extension GPUBackend {
    func multiply(_ product: Product) throws {
        counters.add(.products)
        try compute(product)
    }

    private func compute(_ product: Product) throws {
        guard try !multiplyByLibrary(product) else { return }
        guard product.aType == .float32, product.resultType == .float32 else { return try multiplyWidened(product) }
        let (m, n) = (product.m, product.n)
        var arguments = arguments(of: product)
        switch shape.product {
        case _ where shape.usesTensorCores && product.weightType != .float32:
            let tile = TensorTile.suiting(
                product, usesWarpgroups: shape.usesWarpgroups,
                computeUnitCount: driver.properties.computeUnitCount)
            try launch(tile, product, arguments)
        case .tiled(let rows, let columns, _, let threadRows, let threadColumns):
            try launch(
                shape.product(product.weightType), "product",
                groups: (ceil(m, rows), ceil(n, columns), product.batches),
                threads: rows / threadRows * (columns / threadColumns), arguments)
        case .wide(let tileRows, let blockTiles, _):
            let grid = WideGrid(
                m: m, n: n, depth: product.depth, batches: product.batches, tileRows: tileRows, panel: shape.panel,
                blockTiles: blockTiles, computeUnitCount: driver.properties.computeUnitCount)
            arguments += [.int(grid.groupRows), .int(grid.groupPanels)]
            try launch(
                shape.product(product.weightType), "product",
                groups: (ceil(m, grid.groupRows), ceil(n, grid.groupPanels * shape.panel), product.batches), arguments)
        }
    }

    /// By way of float32, where the library doesn't take 16 bits.
    private func multiplyWidened(_ product: Product) throws {
        let count = product.m * product.n
        var wide = product
        wide.a = try converted(product.a, product.aType, count: product.m * product.rowStride, to: .float32)
        wide.aType = .float32
        if product.resultType != .float32 {
            wide.c = try scratch(floats: count)
            wide.resultType = .float32
        }
        try compute(wide)
        guard product.resultType != .float32 else { return }
        try convertInRange(wide.c, .float32, into: product.c, product.resultType, count: count)
    }

    private func launch(_ tile: TensorTile, _ product: Product, _ arguments: [KernelArgument]) throws {
        try launch(
            tile.program(product.weightType), "product",
            groups: (tile.count(m: product.m, n: product.n), 1, product.batches), threads: tile.threadCount, arguments)
    }

    /// `PRODUCT_OPERANDS` of the kernels.
    private func arguments(of product: Product) -> [KernelArgument] {
        [
            .buffer(product.a), .buffer(product.starts), .long(product.rowStride), .long(product.batchStride),
            .buffer(product.weight), .long(preparedCount(n: product.n, depth: product.depth)),
            .buffer(product.scales), .buffer(product.bias), .buffer(product.residual), .buffer(product.c),
            .long(product.cRowStride), .long(product.cBatchStride), .int(product.m), .int(product.n),
            .int(product.depth), .int(product.activation.code),
        ]
    }

    public func matmul(_ a: Tensor, _ b: Tensor, transposed: Bool, into result: Tensor) throws {
        let (m, n) = (result.shape[result.shape.rank - 2], result.shape.columns)
        let depth = a.shape.columns
        let batches = result.shape.rank == 3 ? result.shape[0] : 1
        let weight =
            try transposed && !isPacked ? b : packed(b, n: n, depth: depth, batches: batches, isTurned: !transposed)
        try multiply(
            Product(
                a: a.storage, rowStride: depth, batchStride: m * depth, weight: weight.storage,
                c: result.storage, cRowStride: n, cBatchStride: m * n, m: m, n: n, depth: depth, batches: batches))
    }

    public func linear(
        _ x: Tensor, _ weight: PreparedWeight, bias: Tensor?, activation: UnaryKind?, residual: Tensor?,
        into result: Tensor
    ) throws {
        let (n, depth) = (weight.shape[0], weight.shape[1])
        try multiply(
            Product(
                a: x.storage, aType: x.dtype, rowStride: depth, weight: weight.tensor.storage,
                weightType: weight.tensor.dtype, scales: weight.scales, bias: bias, residual: residual,
                c: result.storage, resultType: result.dtype, cRowStride: n, m: x.shape[0], n: n, depth: depth,
                activation: activation))
    }

    /// A product over a view whose rows overlap; the norm within it where it can be, or in place.
    public func convolution(
        _ x: Tensor, _ weight: PreparedWeight, bias: Tensor?, window: ConvolutionWindow, norm: Normalization?,
        activation: UnaryKind?, into result: Tensor
    ) throws {
        let n = weight.shape[0]
        var product = Product(
            a: x.storage, rowStride: window.stride * x.shape[1], weight: weight.tensor.storage,
            weightType: weight.tensor.dtype, scales: weight.scales, bias: bias, c: result.storage, cRowStride: n,
            m: window.rows, n: n, depth: weight.shape[1], activation: activation)
        guard let norm else { return try multiply(product) }
        if shape.usesWarpgroups, TensorTile.canNorm(product, computeUnitCount: driver.properties.computeUnitCount) {
            counters.add(.products)
            let ofNorm: [KernelArgument] = [.buffer(norm.gain), .buffer(norm.bias), .float(norm.epsilon)]
            return try launch(TensorTile.ofWholeRows, product, arguments(of: product) + ofNorm)
        }
        product.activation = nil
        try multiply(product)
        try layerNorm(result, norm, activation: activation, into: result)
    }

    /// Quotient, rounded up.
    func ceil(_ a: Int, _ b: Int) -> Int { (a + b - 1) / max(1, b) }
}

/// How a product is cut into groups for a processor: parts of rows times parts of panels.
private struct WideGrid {
    let groupRows: Int
    let groupPanels: Int

    init(
        m: Int, n: Int, depth: Int, batches: Int, tileRows: Int, panel: Int, blockTiles: Int, computeUnitCount: Int
    ) {
        let rowTiles = max(1, (m + tileRows - 1) / tileRows)
        let panels = max(1, (n + panel - 1) / panel)
        // Small products aren't worth waking a thread for; others get some groups a thread, so that all end together.
        let work = Double(m) * Double(n) * Double(depth)
        let wanted = work < 500_000 ? 1 : max(1, (4 * computeUnitCount + batches - 1) / batches)
        let blocks = (rowTiles + blockTiles - 1) / blockTiles
        // Ranges of at least 16 panels, so that copying the left side stays cheap beside multiplying.
        var panelParts = max(1, min((wanted + blocks - 1) / blocks, panels / 16))
        let rowParts = min(rowTiles, max(blocks, (wanted + panelParts - 1) / panelParts))
        panelParts = min(panels, max(panelParts, (wanted + rowParts - 1) / rowParts))
        groupRows = (rowTiles + rowParts - 1) / rowParts * tileRows
        groupPanels = (panels + panelParts - 1) / panelParts
    }
}
