import SIMDKernelTable
import TensorEngine

extension CPUBackend {
    public func prepare(_ weight: Tensor, for use: WeightUse) throws -> PreparedWeight {
        let (n, k) = (weight.shape[weight.shape.rank - 2], weight.shape.columns)
        let multiplier = multiplier(for: use)
        let count = multiplier.preparedCount(n: n, k: k)
        let groups = use == .grouped ? weight.shape[0] : 1
        let form = try Tensor.uninitialized([groups, count], on: self)
        for group in 0..<groups {
            multiplier.prepare(
                Matrix(weight.elements + group * n * k, rows: n, columns: k, stride: k),
                into: form.elements + group * count)
        }
        return PreparedWeight(shape: weight.shape, use: use, tensor: form)
    }

    public func dense(_ weight: PreparedWeight) throws -> Tensor {
        let result = try Tensor.uninitialized(weight.shape, on: self)
        let (n, k) = (weight.shape[weight.shape.rank - 2], weight.shape.columns)
        for group in 0..<weight.tensor.shape[0] {
            multiplier(for: weight.use).restore(
                weight.tensor.elements + group * weight.tensor.shape[1], n: n, k: k,
                into: result.elements + group * n * k)
        }
        return result
    }

    /// Grouped convolutions have rows that overlap at every step, which no BLAS reads: they are the family's own.
    private func multiplier(for use: WeightUse) -> any MatrixMultiplier {
        use == .linear ? multiplier : SIMDMultiplier(kernels: kernels, workers: workers)
    }

    public func linear(
        _ x: Tensor, _ weight: PreparedWeight, bias: Tensor?, activation: UnaryKind?, residual: Tensor?,
        into result: Tensor
    ) throws {
        counters.add(.products)
        let n = weight.shape[0]
        var product = Product(
            a: x.matrix, weight: weight.tensor.elements.pointer, n: n, c: result.elements.pointer, cStride: n)
        product.bias = bias?.readOnly
        product.activation = ElementFunction(activation)
        product.residual = residual?.readOnly
        try multiplier.multiply(product, on: self)
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
            a: windows, weight: weight.tensor.elements.pointer, n: n, c: result.elements.pointer, cStride: n)
        product.bias = bias?.readOnly
        product.norm = norm
        product.activation = ElementFunction(activation)
        try multiplier.multiply(product, on: self)
        (result.elements + window.rows * n).update(repeating: 0, count: window.slack * n)
    }

    public func matmul(_ a: Tensor, _ b: Tensor, transposed: Bool, into result: Tensor) throws {
        let rank = a.shape.rank
        let (m, k, n) = (a.shape[rank - 2], a.shape.columns, result.shape.columns)
        let form = try scratch(count: multiplier.preparedCount(n: n, k: k))
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

extension Tensor {
    var readOnly: UnsafePointer<Float> { UnsafePointer(elements.pointer) }
}
