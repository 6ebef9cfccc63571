import TensorEngine

/// A convolution's sizes and options.
private struct Convolution: Sendable {
    var input = 1
    var output = 1
    var kernel = 1
    var stride = 1
    var rows = 1
    var bias = true
    var norm = false
    var activation: UnaryKind?
    var weights = DType.float32
    /// Rows of the input beyond the last window, all NaN.
    var extra = 0

    var window: ConvolutionWindow { ConvolutionWindow(kernel: kernel, stride: stride, rows: rows) }

    var name: String {
        var name = "\(rows) rows, kernel \(kernel), stride \(stride), \(input) → \(output)"
        if bias { name += ", bias" }
        if norm { name += ", norm" }
        if let activation { name += ", \(activation)" }
        if weights != .float32 { name += ", \(weights) weights" }
        return name
    }
}

extension ConformanceCase {
    static let convolutionCases: [ConformanceCase] = smallConvolutions.map { convolution($0) } + largeConvolutions

    private static let smallConvolutions: [Convolution] =
        [
            Convolution(), Convolution(rows: 0), Convolution(kernel: 3, rows: 0),
            Convolution(output: 33, kernel: 10, stride: 5, rows: 57, extra: 7),
            Convolution(output: 17, kernel: 10, stride: 5, rows: 13, bias: false, norm: true, activation: .gelu),
            Convolution(input: 3, output: 5, kernel: 3, stride: 2, rows: 1),
            Convolution(input: 32, output: 32, kernel: 3, stride: 2, rows: 31, norm: true, activation: .gelu),
            Convolution(input: 33, output: 31, kernel: 3, stride: 2, rows: 32, bias: false, activation: .gelu),
            Convolution(input: 17, output: 65, kernel: 2, stride: 2, rows: 17, norm: true),
            Convolution(input: 7, output: 13, kernel: 7, stride: 3, rows: 16, extra: 1),
            Convolution(input: 5, output: 6, kernel: 2, stride: 3, rows: 14, extra: 2),
            Convolution(input: 5, output: 16, kernel: 5, stride: 1, rows: 15),
            Convolution(input: 257, output: 7, kernel: 3, stride: 2, rows: 6, bias: false),
            Convolution(input: 2, output: 513, kernel: 2, stride: 2, rows: 7, norm: true, activation: .relu),
            Convolution(input: 17, output: 45, kernel: 2, stride: 2, rows: 17, norm: true, activation: .gelu),
            Convolution(input: 3, output: 31, kernel: 2, stride: 2, rows: 15, norm: true, activation: .relu),
            Convolution(input: 3, output: 28, kernel: 2, stride: 2, rows: 15, norm: true),
        ]
        + [DType.bfloat16, .float16, .int8].flatMap { type in
            [
                Convolution(output: 33, kernel: 10, stride: 5, rows: 57, weights: type, extra: 7),
                Convolution(input: 33, output: 45, kernel: 3, stride: 2, rows: 31, activation: .gelu, weights: type),
                Convolution(
                    input: 32, output: 65, kernel: 2, stride: 2, rows: 5, norm: true, activation: .gelu, weights: type),
                Convolution(input: 17, output: 31, kernel: 3, stride: 1, rows: 70, norm: true, weights: type),
                // Windows whose parts begin at multiples of 256 bytes: products of a library that add up.
                Convolution(
                    input: 64, output: 40, kernel: 5, stride: 2, rows: 45, activation: .gelu, weights: type, extra: 3),
            ]
        } + [
            // Rows enough for kernels that norm what they multiply.
            Convolution(input: 8, output: 272, kernel: 2, stride: 2, rows: 4500, norm: true, weights: .bfloat16),
            Convolution(input: 8, output: 33, kernel: 3, stride: 2, rows: 70, activation: .gelu, weights: .float16),
        ]

    private static let largeConvolutions: [ConformanceCase] = [
        convolution(Convolution(output: 512, kernel: 10, stride: 5, rows: 31_999), .large),
        convolution(
            Convolution(output: 512, kernel: 10, stride: 5, rows: 31_999, norm: true, activation: .gelu), .large),
        convolution(Convolution(input: 512, output: 512, kernel: 3, stride: 2, rows: 3199), .large),
        convolution(
            Convolution(input: 512, output: 512, kernel: 3, stride: 2, rows: 3199, norm: true, activation: .gelu),
            .large),
        convolution(
            Convolution(
                input: 512, output: 512, kernel: 3, stride: 2, rows: 7999, norm: true, activation: .gelu,
                weights: .bfloat16), .large),
        convolution(Convolution(input: 512, output: 512, kernel: 2, stride: 2, rows: 499), .large),
        convolution(
            Convolution(input: 512, output: 512, kernel: 2, stride: 2, rows: 999, norm: true, activation: .gelu),
            .large),
    ]

    private static func convolution(_ convolution: Convolution, _ size: Size = .small) -> ConformanceCase {
        let (input, output, window) = (convolution.input, convolution.output, convolution.window)
        let depth = window.kernel * input
        let isPlain = !convolution.norm && convolution.activation == nil
        let sums: (@Sendable ([HostArray]) -> [Double])? =
            isPlain && size == .large && convolution.weights == .float32
            ? { @Sendable inputs in convolutionColumnSums(inputs, convolution) } : nil
        let product = Tolerance.product(depth: depth, weights: convolution.weights)
        return ConformanceCase(
            "convolution", convolution.name, size, multiplyAdds: window.rows * output * depth,
            tolerance: isPlain
                ? product
                : Tolerance(
                    relativeToLargest: 4 * product.relativeToLargest + 4e-6, relative: 0, weights: product.weights),
            columnSums: sums
        ) { random in
            var x = random.floats(window.inputRows * input)
            x += [Float](repeating: .nan, count: convolution.extra * input)
            return [
                HostArray(x, shape: [window.inputRows + convolution.extra, input]), random.array([output, depth]),
                random.array([output], scale: 2),
            ] + parameters(output, &random)
        } bind: { operands in
            let weight = try operands[1].prepared(for: .linear, as: convolution.weights)
            let norm = Normalization(gain: operands[3], bias: operands[4], epsilon: 1e-5)
            return {
                try operands[0].convolution(
                    weight, bias: convolution.bias ? operands[2] : nil, window: window,
                    norm: convolution.norm ? norm : nil, activation: convolution.activation)
            }
        }
    }

    /// The windows' sum, tap by tap, times the weight.
    private static func convolutionColumnSums(_ inputs: [HostArray], _ convolution: Convolution) -> [Double] {
        let (input, window, x) = (convolution.input, convolution.window, inputs[0].floats())
        var windowSum = [Double](repeating: 0, count: window.kernel * input)
        for row in 0..<window.rows {
            for place in windowSum.indices { windowSum[place] += Double(x[row * window.stride * input + place]) }
        }
        let bias = convolution.bias ? inputs[2].floats() : [Float](repeating: 0, count: convolution.output)
        return zip(products(windowSum, inputs[1].floats(), outputs: convolution.output), bias).map {
            $0 + Double(window.rows) * Double($1)
        }
    }
}
