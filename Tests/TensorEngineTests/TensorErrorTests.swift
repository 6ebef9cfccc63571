import TensorEngine
import Testing

/// Operands that don't fit are refused with the operation's name and the shapes.
@Suite struct TensorErrorTests {
    private let backend = ReferenceBackend()

    private func expectError(
        _ operation: String, _ shapes: [Shape], _ kind: TensorError.Kind = .invalidArgument,
        sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Tensor
    ) {
        let error = #expect(throws: TensorError.self, sourceLocation: sourceLocation) { try body() }
        #expect(error?.operation == operation, sourceLocation: sourceLocation)
        #expect(error?.kind == kind, sourceLocation: sourceLocation)
        for shape in shapes {
            #expect(error?.shapes.contains(shape) == true, "\(shape)", sourceLocation: sourceLocation)
            #expect(error?.description.contains(shape.description) == true, sourceLocation: sourceLocation)
        }
    }

    private func ones(_ shape: Shape) throws -> Tensor { try .filled(1, shape: shape, on: backend) }

    @Test func shapesThatDoNotFitAreNamed() throws {
        let x = try ones([4, 6])
        expectError("reshaped", [[4, 6], [5, 5]]) { try x.reshaped([5, 5]) }
        expectError("reshaped", [[-4, -6]]) { try x.reshaped([-4, -6]) }
        expectError("uninitialized", [[1 << 62, 4]]) { try ones([1 << 62, 4]) }
        expectError("uninitialized", [[-1]]) { try ones([-1]) }
        expectError("allocate", [], .outOfMemory) { try ones([1 << 62]) }
        expectError("Tensor", [[2, 3]]) { try Tensor([1, 2, 3], shape: [2, 3], on: backend) }
        expectError("uninitialized", [[-1, 6]]) { try ones([0, 6]).scatteredAdding(toRows: [], of: -1) }
        expectError("KeyValueCache", [[4]]) {
            _ = try KeyValueCache(ones([4]))
            return x
        }
        expectError("binary", [[4, 6], [4]]) { try x.adding(ones([4])) }
        expectError("matmul", [[4, 6], [5, 6]]) { try x.matmul(ones([5, 6])) }
        expectError("matmul", [[4, 6], [6, 5]]) { try x.matmul(ones([6, 5]), transposed: true) }
        expectError("matmul", [[2, 4, 6], [3, 6, 5]]) { try ones([2, 4, 6]).matmul(ones([3, 6, 5])) }
        expectError("permute", [[4, 6]]) { try x.permuted([0, 0]) }
        expectError("permute", [[1, 1, 1, 1, 1]]) { try ones([1, 1, 1, 1, 1]).permuted([0, 1, 2, 3, 4]) }
        expectError("gather", [[4, 6]]) { try x.gathered(rows: [4]) }
        expectError("gather", [[4, 6]]) { try x.gathered(rows: [-2]) }
        expectError("scatterAdd", [[4, 6]]) { try x.scatteredAdding(toRows: [0, 1, 2, 9], of: 9) }
        expectError("scatterAdd", [[4, 6]]) { try x.scatteredAdding(toRows: [0], of: 9) }
        expectError("reduce", [[]]) { try ones([]).reduced(.sum) }
        expectError("argmax", [[4, 0]]) { try ones([4, 0]).argmax() }
        expectError("layerNorm", [[5], [6]]) {
            try x.layerNorm(Normalization(gain: ones([5]), bias: ones([6]), epsilon: 0))
        }
        expectError("channelNorm", [[6], [5]]) {
            try x.channelNorm(
                Normalization(gain: ones([6]), bias: ones([5]), epsilon: 0), segments: Segments(lengths: [4]))
        }
    }

    @Test func weightsThatDoNotFitAreNamed() throws {
        let x = try ones([4, 6])
        let weight = try ones([5, 6]).prepared(for: .linear)
        expectError("prepare", [[6]]) { try ones([6]).prepared(for: .linear).tensor }
        expectError("prepare", [[5, 6]]) { try ones([5, 6]).prepared(for: .grouped).tensor }
        expectError("linear", [[4, 7], [5, 6]]) { try ones([4, 7]).linear(weight) }
        expectError("linear", [[4, 6], [5, 6], [6]]) { try x.linear(weight, bias: ones([6])) }
        expectError("linear", [[4, 6], [5, 6], [4, 6]]) { try x.linear(weight, residual: ones([4, 6])) }
        let tooLong = ConvolutionWindow(kernel: 1, stride: 1, rows: 5)
        expectError("convolution", [[4, 6], [5, 6]]) { try x.convolution(weight, bias: nil, window: tooLong) }
        let tooWide = ConvolutionWindow(kernel: 2, stride: 1, rows: 3)
        expectError("convolution", [[4, 6], [5, 6]]) { try x.convolution(weight, bias: nil, window: tooWide) }
        let window = ConvolutionWindow(kernel: 1, stride: 1, rows: 4)
        expectError("convolution", [[6], [6]]) {
            try x.convolution(
                weight, bias: nil, window: window, norm: Normalization(gain: ones([6]), bias: ones([6]), epsilon: 0))
        }
        let segments = Segments(lengths: [4])
        expectError("groupedConvolution", [[4, 6], [2, 2, 6]]) {
            try x.groupedConvolution(ones([2, 2, 6]).prepared(for: .grouped), bias: nil, segments: segments)
        }
        expectError("groupedConvolution", [[4, 6], [5, 6]]) {
            try x.groupedConvolution(weight, bias: nil, segments: segments)
        }
        expectError("attention", [[4, 6]]) { try x.attention(heads: 4, segments: segments) }
        expectError("attention", [[4, 6]]) { try x.attention(heads: 0, segments: segments) }
    }

    @Test func otherElementTypesAreRefusedByName() throws {
        let integers = try Tensor([1, 2, 3] as [Int32], on: backend)
        expectError("unary", [], .unsupported) { try integers.unary(.negate) }
        expectError("matmul", [], .unsupported) { try integers.matmul(integers) }
        expectError("convert", [], .unsupported) { try integers.converted(to: .float16) }
        expectError("convert", [], .unsupported) { try ones([3]).converted(to: .int32) }
    }

    @Test func operandsOfAnotherBackendAreRefused() throws {
        let other = ReferenceBackend()
        let (x, y) = (try ones([2, 2]), try Tensor.filled(1, shape: [2, 2], on: other))
        expectError("binary", []) { try x.adding(y) }
        expectError("matmul", []) { try x.matmul(y) }
        expectError("linear", []) { try x.linear(y.prepared(for: .linear)) }
    }
}
