import Conformance
import EmulatedGPU
import GPUBackends
import Glibc
import TensorEngine
import Testing

/// The kernels for NVIDIA's tensor cores one by one, on an emulated GPU that writes their instructions out lane by
/// lane.
@Suite(.serialized) struct TensorCoreTests {
    struct ProductCase: Sendable, CustomStringConvertible {
        var m, n, depth: Int
        /// Floats between the beginnings of rows of A.
        var rowStride: Int
        var batches = 1
        var hasStarts = false

        var description: String { "\(batches) × \(m) × \(n) × \(depth), rows \(rowStride) apart" }
    }

    static let products = [
        ProductCase(m: 1, n: 1, depth: 1, rowStride: 1),
        ProductCase(m: 3, n: 5, depth: 0, rowStride: 4),
        ProductCase(m: 64, n: 64, depth: 32, rowStride: 32),
        ProductCase(m: 65, n: 63, depth: 33, rowStride: 33),
        ProductCase(m: 129, n: 72, depth: 100, rowStride: 100),
        // The first convolution, another, and the positional one: rows overlap, or begin where a table says.
        ProductCase(m: 70, n: 32, depth: 10, rowStride: 5),
        ProductCase(m: 40, n: 48, depth: 96, rowStride: 64),
        ProductCase(m: 50, n: 16, depth: 64, rowStride: 16, batches: 3, hasStarts: true),
    ]

    /// Rows and weights that begin at multiples of 16 bytes.
    static let alignedProducts = [
        ProductCase(m: 1, n: 1, depth: 8, rowStride: 8),
        ProductCase(m: 3, n: 5, depth: 0, rowStride: 4),
        ProductCase(m: 64, n: 64, depth: 64, rowStride: 64),
        // More steps than there are stages, the last not a whole one.
        ProductCase(m: 129, n: 257, depth: 328, rowStride: 328),
        ProductCase(m: 130, n: 48, depth: 96, rowStride: 64),
        ProductCase(m: 50, n: 80, depth: 640, rowStride: 80, batches: 3, hasStarts: true),
        // More than one band of row tiles.
        ProductCase(m: 1100, n: 100, depth: 8, rowStride: 8),
    ]

    /// What a kernel is compiled for.
    struct Variant: Sendable, CustomStringConvertible {
        var weight: DType
        var tile: TensorTile

        var compute: DType { weight == .float16 ? .float16 : .bfloat16 }
        var description: String { "\(weight) weights, tiles of \(tile.rows) × \(tile.columns)" }

        /// The largest and the smallest tile for all weights, those between for bfloat16.
        static func all(_ tiles: [TensorTile]) -> [Variant] {
            tiles.flatMap { tile in
                let types: [DType] =
                    tile == tiles[0] || tile.columns == 64 ? [.float16, .bfloat16, .int8] : [.bfloat16]
                return types.map { Variant(weight: $0, tile: tile) }
            }
        }
    }

    @Test(arguments: Variant.all(TensorTile.ofWarps), products)
    func productsAreThoseOfTheRoundedFactors(variant: Variant, product: ProductCase) throws {
        #expect(try productError(product, variant) <= 2e-6)
    }

    @Test(arguments: Variant.all(TensorTile.ofWarpgroups), alignedProducts)
    func productsByWarpgroupsAreThoseOfTheRoundedFactors(variant: Variant, product: ProductCase) throws {
        #expect(try productError(product, variant) <= 2e-6)
    }

    /// With its bias before the norm, and the function after it.
    @Test(arguments: [DType.float16, .bfloat16], [(70, 512, 96, 64), (64, 300, 328, 328), (1, 257, 8, 8)])
    func aConvolutionNormsItsRows(type: DType, sizes: (m: Int, n: Int, depth: Int, rowStride: Int)) throws {
        let product = ProductCase(m: sizes.m, n: sizes.n, depth: sizes.depth, rowStride: sizes.rowStride)
        let variant = Variant(weight: type, tile: TensorTile.ofWholeRows)
        #expect(try productError(product, variant, hasNorm: true) <= 2e-6)
    }

    /// What would go wrong on a GPU now and then goes wrong here: the faults that Device/Warpgroup.h knows, 0 being
    /// none.
    @Test(arguments: 0...6) func aProductThatDoesNotWaitIsNoticed(fault: Int) throws {
        let tile = try #require(TensorTile.ofWarpgroups.first { $0.columns == 64 })
        let product = ProductCase(m: 64, n: 64, depth: 640, rowStride: 640)
        let error = try? productError(product, Variant(weight: .bfloat16, tile: tile)) {
            $0.definitions.append(KernelDefinition(name: "EMULATED_FAULT", value: fault))
        }
        #expect(fault == 0 ? (error ?? 1) <= 2e-6 : (error ?? 1) > 1e-3)
    }

    @Test func aGroupIsGivenTheMemoryThatItUses() throws {
        let variant = Variant(weight: .bfloat16, tile: TensorTile.ofWarpgroups[0])
        #expect(throws: TensorError.self) {
            try productError(Self.alignedProducts[0], variant) { $0.sharedByteCount -= 8 }
        }
    }

    @Test(arguments: [DType.float16, .bfloat16], [64, 80, 120])
    func attentionIsThatOfTheRoundedFactors(type: DType, size: Int) throws {
        try checkAttention(type, size: size, queries: 64)
    }

    @Test(arguments: [64, 80, 120]) func moreQueriesShareTheirKeys(size: Int) throws {
        try checkAttention(.bfloat16, size: size, queries: 128)
    }

    private func checkAttention(_ type: DType, size: Int, queries: Int) throws {
        let (heads, segments) = (2, Segments(offsets: [0, 133, 171], lengths: [130, 37, 1]))
        let (rows, width) = (172, heads * size)
        var random = RandomSource(seed: UInt64(size))
        let x = random.floats(rows * 3 * width).map { 2 * $0 }
        // The last part is an empty one.
        let parts: [Int32] =
            (0..<segments.count).flatMap { index in
                stride(from: 0, to: segments.lengths[index], by: queries).flatMap { first in
                    [Int32(segments.offsets[index]), Int32(segments.lengths[index]), Int32(first), 0, 0]
                }
            } + [0, 0, 0, 0, 0]
        let device = try EmulatedDevice()
        let (factors, table) = (try device.memory(x), try device.memory(parts))
        func attend<Element: BitwiseCopyable>(into target: [Element], code: Int32) throws -> [Element] {
            let y = try device.memory(target)
            try device.run(
                KernelShape.tensorAttention(type, headSize: size, queries: queries), "attention",
                groups: (parts.count / 5, heads, 1), threads: 2 * queries,
                [
                    .buffer(factors), .buffer(table), .buffer(y), .int(code), .int(Int32(heads)),
                    .float(1 / Float(size).squareRoot()),
                ])
            return y.elements(target.count)
        }
        let y = try attend(into: [Float](repeating: .nan, count: rows * width), code: 0)
        // In 16 bits the same, rounded.
        let narrow = try attend(into: [UInt16](repeating: 0xFFFF, count: rows * width), code: type == .float16 ? 1 : 2)
        #expect((0..<rows * width).allSatisfy { narrow[$0] == (y[$0].isNaN ? 0xFFFF : bits(y[$0], type)) })
        func number(_ row: Int, _ part: Int, _ channel: Int) -> Double {
            Double(rounded(x[row * 3 * width + part * width + channel], type))
        }
        var (largestError, largest) = (0.0, 0.0)
        for index in 0..<segments.count {
            for row in segments[index] {
                for head in 0..<heads {
                    let channels = head * size..<(head + 1) * size
                    let scores = segments[index].map { key in
                        channels.reduce(0.0) { $0 + number(row, 0, $1) * number(key, 1, $1) }
                            / Double(size).squareRoot()
                    }
                    let weights = scores.map { exp($0 - (scores.max() ?? 0)) }
                    let total = weights.reduce(0, +)
                    for channel in channels {
                        let expected =
                            zip(segments[index], weights).reduce(0.0) {
                                $0 + $1.1 * number($1.0, 2, channel)
                            } / total
                        let error = (Double(y[row * width + channel]) - expected).magnitude
                        largestError = error > largestError || error.isNaN ? error : largestError
                        largest = max(largest, expected.magnitude)
                    }
                }
            }
        }
        // The weights of the mean are rounded too: to 11 or 8 bits.
        #expect(largestError <= (type == .float16 ? 5e-4 : 4e-3) * largest)
        #expect(segments.rowIndices.allSatisfy { row in !y[Int(row) * width].isNaN })
        #expect(y[131 * width].isNaN, "a row of no segment was written")
    }
}

/// The largest error of one product as a share of the largest result, beside that of the factors as they are rounded.
/// - Parameter change: of the program.
private func productError(
    _ product: TensorCoreTests.ProductCase, _ variant: TensorCoreTests.Variant, hasNorm: Bool = false,
    change: (inout GPUProgram) -> Void = { _ in }
) throws -> Double {
    let (epsilon, relu): (Float, _) = (1e-5, Int32(UnaryKind.allCases.firstIndex(of: .relu) ?? -1))
    let (m, n, depth, batches) = (product.m, product.n, product.depth, product.batches)
    var random = RandomSource(seed: UInt64(m * 1000 + n * 10 + depth))
    let batchStride = (m * product.rowStride + depth + 3) / 4 * 4
    let a = random.floats(batches * batchStride + depth)
    let starts = (0..<m).map { Int32($0 * 7 % m) }
    let weights = random.floats(max(1, batches * n * depth)).map {
        variant.weight == .int8 ? ($0 * 50).rounded() : $0
    }
    let stored = try HostArray(weights, shape: [weights.count]).bytes(as: variant.weight)
    let (scales, bias) = (random.floats(batches * n), random.floats(batches * n))
    let (gain, shift) = (random.floats(n), random.floats(n))
    let residual = random.floats(batches * m * n)

    let device = try EmulatedDevice()
    let result = try device.memory([Float](repeating: .nan, count: batches * m * n))
    var arguments: [KernelArgument] = [
        .buffer(try device.memory(a)), .buffer(product.hasStarts ? try device.memory(starts) : nil),
        .long(Int64(product.rowStride)), .long(Int64(batchStride)), .buffer(try device.memory(stored)),
        .long(Int64(n * depth)), .buffer(variant.weight == .int8 ? try device.memory(scales) : nil),
        .buffer(try device.memory(bias)), .buffer(try device.memory(residual)), .buffer(result), .long(Int64(n)),
        .long(Int64(m * n)), .int(Int32(m)), .int(Int32(n)), .int(Int32(depth)), .int(relu),
    ]
    if hasNorm { arguments += [.buffer(try device.memory(gain)), .buffer(try device.memory(shift)), .float(epsilon)] }
    var program = variant.tile.program(variant.weight)
    change(&program)
    try device.run(
        program, "product", groups: (variant.tile.count(m: m, n: n), 1, batches), threads: variant.tile.threadCount,
        arguments)

    let c: [Float] = result.elements(batches * m * n)
    let numbers = weights.map { rounded($0, variant.weight) }
    let factors = a.map { rounded($0, variant.compute) }
    var (largestError, largest) = (0.0, 0.0)
    for row in 0..<batches * m {
        let (batch, start) = (row / m, product.hasStarts ? Int(starts[row % m]) : row % m)
        let first = batch * batchStride + start * product.rowStride
        var sums = (0..<n).map { column in
            var sum = 0.0
            for k in 0..<depth {
                sum += Double(factors[first + k]) * Double(numbers[(batch * n + column) * depth + k])
            }
            if variant.weight == .int8 { sum *= Double(scales[batch * n + column]) }
            return sum + Double(bias[batch * n + column])
        }
        if hasNorm {
            let mean = sums.reduce(0, +) / Double(n)
            let variance = sums.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(n)
            for column in 0..<n {
                let normed = (sums[column] - mean) / (variance + Double(epsilon)).squareRoot()
                sums[column] = normed * Double(gain[column]) + Double(shift[column])
            }
        }
        for (column, sum) in sums.enumerated() {
            let expected = max(0, sum) + Double(residual[row * n + column])
            let error = (Double(c[row * n + column]) - expected).magnitude
            largestError = error > largestError || error.isNaN ? error : largestError
            largest = max(largest, expected.magnitude)
        }
    }
    return largestError.isNaN ? .infinity : largestError / largest
}

/// The driver of an emulated GPU, whose memory the host sees.
private struct EmulatedDevice {
    private let driver: CUDADriver
    private let pool: StoragePool

    init() throws {
        let path = try EmulatedGPU.library()
        let library = try CUDALibrary(path: path)
        driver = try CUDADriver(
            CUDADevice.at(0, of: library), of: library, compiler: CUDACompiler.shared(paths: [path]),
            cache: ProgramCache(folder: "\(path).programs"), products: nil, usesTF32: false)
        pool = StoragePool(allocator: driver, device: driver.device)
    }

    func memory<Element: BitwiseCopyable>(_ elements: [Element]) throws -> Storage {
        let byteCount = elements.count * MemoryLayout<Element>.stride
        let storage = try pool.allocate(byteCount: max(1, byteCount))
        elements.withUnsafeBytes { bytes in
            UnsafeMutableRawBufferPointer(start: storage.address, count: byteCount).copyMemory(from: bytes)
        }
        return storage
    }

    func run(
        _ program: GPUProgram, _ name: String, groups: (x: Int, y: Int, z: Int), threads: Int,
        _ arguments: [KernelArgument]
    ) throws {
        try driver.launch(
            GPUKernel(program: program, name: name), LaunchSize(groups: groups, threads: (threads, 1, 1)), arguments)
        try driver.synchronize()
    }
}

extension Storage {
    fileprivate func elements<Element: BitwiseCopyable>(_ count: Int) -> [Element] {
        Array(UnsafeBufferPointer(start: address.assumingMemoryBound(to: Element.self), count: count))
    }
}

private func bits(_ x: Float, _ type: DType) -> UInt16 {
    type == .float16 ? Float16(x).bitPattern : x.bfloat16Bits
}

private func rounded(_ x: Float, _ type: DType) -> Float {
    switch type {
    case .float16: Float(Float16(x))
    case .bfloat16: Float(bitPattern: UInt32(x.bfloat16Bits) << 16)
    default: x
    }
}

extension HostArray {
    fileprivate func bytes(as type: DType) throws -> [UInt8] {
        let backend = ReferenceBackend()
        let array = try Tensor(self, on: backend).converted(to: type).hostArray()
        return array.withUnsafeBytes { Array($0) }
    }
}
