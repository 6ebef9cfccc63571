import SIMDKernelTable
import TensorEngine

extension CPUBackend {
    /// Packed in float32, then converted: int8 as integers, which float32 holds exactly, with their scales beside.
    public func prepare(_ weight: Tensor, for use: WeightUse, as dtype: DType) throws -> PreparedWeight {
        let quantized = dtype == .int8 ? try weight.quantized() : nil
        let source = quantized?.integers ?? weight
        let (n, k) = (weight.shape[weight.shape.rank - 2], weight.shape.columns)
        let multiplier = multiplier(for: use, as: dtype)
        let count = multiplier.preparedCount(n: n, k: k)
        let groups = use == .grouped ? weight.shape[0] : 1
        let form = try Tensor.uninitialized([groups, count], on: self)
        withExtendedLifetime((source, form)) {
            for group in 0..<groups {
                multiplier.prepare(
                    Matrix(source.elements + group * n * k, rows: n, columns: k, stride: k),
                    into: form.elements + group * count)
            }
        }
        return PreparedWeight(
            shape: weight.shape, use: use, tensor: try form.converted(to: dtype),
            scales: try quantized.map { try padded($0.scales) })
    }

    public func dense(_ weight: PreparedWeight) throws -> Tensor {
        let result = try Tensor.uninitialized(weight.shape, on: self)
        let (n, k) = (weight.shape[weight.shape.rank - 2], weight.shape.columns)
        let form = try weight.tensor.converted(to: .float32)
        withExtendedLifetime((form, result)) {
            for group in 0..<form.shape[0] {
                multiplier(for: weight.use, as: weight.tensor.dtype).restore(
                    form.elements + group * form.shape[1], n: n, k: k, into: result.elements + group * n * k)
            }
        }
        guard let scales = weight.scales else { return result }
        let rows = result.shape.rows
        let column = try scales.gathered(rows: (0..<rows).map(Int32.init))  // [rows, 1]
        return try result.reshaped([rows, k]).multiplied(by: column).reshaped(weight.shape)
    }

    /// Kernels read the scales of whole panels, also beyond the last column.
    private func padded(_ scales: Tensor) throws -> Tensor {
        let padding = try Tensor.filled(1, shape: [kernels.tileColumns, 1], on: self)
        return try Tensor.concatenated([scales, padding])  // [groups · n + padding, 1]
    }

    /// No BLAS reads rows that overlap at every step, as those of grouped convolutions do, or weights that aren't
    /// float32: these are the family's own.
    private func multiplier(for use: WeightUse, as dtype: DType) -> any MatrixMultiplier {
        use == .linear && dtype == .float32 ? multiplier : ownMultiplier
    }
}

extension CPUBackend {
    public func linear(
        _ x: Tensor, _ weight: PreparedWeight, bias: Tensor?, activation: UnaryKind?, residual: Tensor?,
        into result: Tensor
    ) throws {
        counters.add(.products)
        let n = weight.shape[0]
        var product = Product(
            a: x.matrix, weight: weight, n: n, c: result.elements.pointer, cStride: n)
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
            a: windows, weight: weight, n: n, c: result.elements.pointer, cStride: n)
        product.bias = bias?.readOnly
        product.norm = norm
        product.activation = ElementFunction(activation)
        try multiplier(for: .linear, as: weight.tensor.dtype).multiply(product, on: self)
        (result.elements + window.rows * n).update(repeating: 0, count: window.slack * n)
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
    init(a: Matrix, weight: PreparedWeight, n: Int, c: UnsafeMutablePointer<Float>, cStride: Int) {
        self.init(
            a: a, weight: UnsafeRawPointer(weight.tensor.storage.address), weightType: PanelType(weight.tensor.dtype),
            scales: weight.scales?.readOnly, n: n, c: c, cStride: cStride)
    }
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
