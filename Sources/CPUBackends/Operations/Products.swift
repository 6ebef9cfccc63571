import SIMDKernelTable
import TensorEngine

extension CPUBackend {
    public func linear(
        _ x: Tensor, _ weight: PreparedWeight, bias: Tensor?, activation: UnaryKind?, residual: Tensor?,
        into result: Tensor
    ) throws {
        let isNarrow = x.dtype == .bfloat16 || result.dtype == .bfloat16
        if isNarrow, x.shape.rows <= ProductTask.fewRows {
            // A few rows' kernels read weights once, and know float32 alone.
            let isRounded = result.dtype != .float32
            let sums = isRounded ? try Tensor.uninitialized(result.shape, on: self) : result
            try linear(
                x.converted(to: .float32), weight, bias: bias, activation: activation, residual: residual, into: sums)
            if isRounded { try convert(sums, into: result) }
            return
        }
        counters.add(.products)
        let n = weight.shape[0]
        var product = Product(
            a: x.matrix, weight: weight, on: self, n: n, c: result.elements.pointer, cStride: n)
        product.brainRows = x.brains.map { UnsafePointer($0.pointer) }
        product.brainResult = result.brains?.pointer
        product.bias = bias?.readOnly
        product.activation = ElementFunction(activation)
        product.residual = residual?.readOnly
        try multiplier(for: .linear, as: weight.tensor.dtype).multiply(product, on: self)
    }

    public func convolution(
        _ x: Tensor, _ weight: PreparedWeight, bias: Tensor?, window: ConvolutionWindow, norm: Normalization?,
        activation: UnaryKind?, into result: Tensor
    ) throws {
        counters.add(.products)
        let (n, channels) = (weight.shape[0], x.shape[1])
        let windows = Matrix(
            x.elements.pointer, rows: window.rows, columns: window.kernel * channels, stride: window.stride * channels)
        var product = Product(
            a: windows, weight: weight, on: self, n: n, c: result.elements.pointer, cStride: n)
        product.bias = bias?.readOnly
        product.norm = norm
        product.activation = ElementFunction(activation)
        try multiplier(for: .linear, as: weight.tensor.dtype).multiply(product, on: self)
    }

    public func matmul(_ a: Tensor, _ b: Tensor, transposed: Bool, into result: Tensor) throws {
        let rank = a.shape.rank
        let (m, k, n) = (a.shape[rank - 2], a.shape.columns, result.shape.columns)
        let form = try scratch(count: multiplier.preparedCount(n: n, k: k))
        defer { withExtendedLifetime(form) {} }
        for index in 0..<(rank == 3 ? a.shape[0] : 1) {
            counters.add(.products)
            let right = b.elements + index * k * n
            if transposed {
                multiplier.prepare(Matrix(right, rows: n, columns: k, stride: k), into: form[0])
            } else {
                multiplier.prepareRows(Matrix(right, rows: k, columns: n, stride: n), into: form[0])
            }
            let left = Matrix(a.elements + index * m * k, rows: m, columns: k, stride: k)
            try multiplier.multiply(
                Product(a: left, weight: form[0], n: n, c: result.elements + index * m * n, cStride: n), on: self)
        }
    }
}

extension Product {
    init(
        a: Matrix, weight: PreparedWeight, on backend: CPUBackend, n: Int, c: UnsafeMutablePointer<Float>, cStride: Int
    ) {
        self.init(
            a: a, weight: UnsafeRawPointer(weight.tensor.storage.address), weightType: backend.panelType(of: weight),
            scales: weight.scales?.readOnly, totals: weight.totals?.readOnly, steps: weight.steps(on: backend), n: n,
            c: c, cStride: cStride)
    }
}

extension PreparedWeight {
    /// Steps of the bytes that rows of activations become: all, where products of bytes add up within 32 bits.
    func steps(on backend: CPUBackend) -> Float {
        backend.kernels.dotTypes.contains(.int8)
            ? ProductTask.mostSteps : ProductTask.mostSteps(largestPair: largestPair)
    }
}

extension CPUBackend {
    /// What the panels of a weight hold, whose tensor has the type that its numbers are rounded to.
    func panelType(of weight: PreparedWeight) -> PanelType { kernels.panelType(of: PanelType(weight.tensor.dtype)) }
}

extension PanelType {
    init(_ dtype: DType) {
        switch dtype {
        case .bfloat16: self = .bfloat16
        case .float16: self = .float16
        case .int8: self = .int8
        case .float32, .int32: self = .float32
        }
    }
}

extension Tensor {
    var readOnly: UnsafePointer<Float> { UnsafePointer(elements.pointer) }
}
