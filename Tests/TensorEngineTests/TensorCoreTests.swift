import Conformance
import GPUBackends
import CUDAEmulation
import TensorEngine
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The kernels for NVIDIA's tensor cores, run whole on the processor: the same source over instructions that are written
/// out lane by lane.
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

    /// `WEIGHT_TYPE`, `COMPUTE_TYPE`, columns of a tile.
    struct Variant: Sendable, CustomStringConvertible {
        var weight: DType
        var tile: TensorTile

        var weightType: Int32 { weight == .float16 ? 1 : weight == .bfloat16 ? 2 : 3 }
        var compute: DType { weight == .float16 ? .float16 : .bfloat16 }
        var computeType: Int32 { compute == .float16 ? 1 : 2 }
        var description: String { "\(weight) weights, tiles of \(tile.rows) × \(tile.columns)" }

        func emulate(_ product: inout EmulatedProduct) -> EmulationOutcome {
            let isWhole = tile.kind == .wholeRows
            guard tile.kind != .warps else {
                return emulateProduct(&product, weightType, computeType, Int32(tile.columns))
            }
            return emulateWarpgroupProduct(
                &product, weightType, computeType, isWhole ? 2 : Int32(tile.rows / 64),
                Int32(isWhole ? tile.columns / 2 : tile.columns), tile.sharedByteCount)
        }

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
        let result = try EmulatedRun(product, variant) { variant.emulate(&$0) }
        #expect(result.outcome == emulationDone)
        #expect(result.error <= 2e-6)
    }

    @Test(arguments: Variant.all(TensorTile.ofWarpgroups), alignedProducts)
    func productsByWarpgroupsAreThoseOfTheRoundedFactors(variant: Variant, product: ProductCase) throws {
        let result = try EmulatedRun(product, variant) { variant.emulate(&$0) }
        #expect(result.outcome == emulationDone)
        #expect(result.error <= 2e-6)
    }

    /// With its bias before the norm, and the function after it.
    @Test(arguments: [DType.float16, .bfloat16], [(70, 512, 96, 64), (64, 300, 328, 328), (1, 257, 8, 8)])
    func aConvolutionNormsItsRows(type: DType, sizes: (m: Int, n: Int, depth: Int, rowStride: Int)) throws {
        let product = ProductCase(m: sizes.m, n: sizes.n, depth: sizes.depth, rowStride: sizes.rowStride)
        let variant = Variant(weight: type, tile: TensorTile.ofWholeRows)
        let result = try EmulatedRun(product, variant, hasNorm: true) { variant.emulate(&$0) }
        #expect(result.outcome == emulationDone)
        #expect(result.error <= 2e-6)
    }

    /// What would go wrong on a GPU now and then goes wrong here.
    @Test(arguments: [
        emulationNothingPublished, emulationCopiesNotWaitedFor, emulationPhasesNotWaitedFor,
        emulationSumsNotHandedOver, emulationTilesGivenBackEarly, emulationSumsReadEarly,
    ])
    func aProductThatDoesNotWaitIsNoticed(fault: EmulationFault) throws {
        let tile = try #require(TensorTile.ofWarpgroups.first { $0.columns == 64 })
        let variant = Variant(weight: .bfloat16, tile: tile)
        let product = ProductCase(m: 64, n: 64, depth: 640, rowStride: 640)
        let result = try EmulatedRun(product, variant) {
            emulateFaultyWarpgroupProduct(&$0, fault, variant.tile.sharedByteCount)
        }
        #expect(result.outcome == emulationRaced || result.error > 1e-3)
    }

    @Test func aGroupIsGivenTheMemoryThatItUses() throws {
        let variant = Variant(weight: .bfloat16, tile: TensorTile.ofWarpgroups[0])
        let result = try EmulatedRun(Self.alignedProducts[0], variant) {
            emulateWarpgroupProduct(
                &$0, variant.weightType, variant.computeType, 2, 256, variant.tile.sharedByteCount - 8)
        }
        #expect(result.outcome == emulationOutOfMemory)
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
        let x = Memory(random.floats(rows * 3 * width).map { 2 * $0 })
        // The last part is an empty one.
        let parts: [Int32] =
            (0..<segments.count).flatMap { index in
                stride(from: 0, to: segments.lengths[index], by: queries).flatMap { first in
                    [Int32(segments.offsets[index]), Int32(segments.lengths[index]), Int32(first), 0, 0]
                }
            } + [0, 0, 0, 0, 0]
        let (table, y) = (Memory(parts), Memory([Float](repeating: .nan, count: rows * width)))
        var operands = EmulatedAttention(
            x: x.pointer, parts: table.pointer, y: y.pointer, yType: 0, partCount: Int32(parts.count / 5),
            heads: Int32(heads), headSize: Int32(size), scale: 1 / Float(size).squareRoot())
        let computeType: Int32 = type == .float16 ? 1 : 2
        #expect(emulateAttention(&operands, computeType, Int32(queries)) == emulationDone)
        // In 16 bits the same, rounded.
        let narrow = Memory([UInt16](repeating: 0xFFFF, count: rows * width))
        operands.y = UnsafeMutableRawPointer(narrow.pointer)
        operands.yType = computeType
        #expect(emulateAttention(&operands, computeType, Int32(queries)) == emulationDone)
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

/// One product, emulated and compared with that of the factors as they are rounded.
private struct EmulatedRun {
    let outcome: EmulationOutcome
    /// The largest error as a share of the largest result.
    let error: Double

    private static let epsilon: Float = 1e-5
    private static let relu = Int32(UnaryKind.allCases.firstIndex(of: .relu) ?? -1)

    init(
        _ product: TensorCoreTests.ProductCase, _ variant: TensorCoreTests.Variant, hasNorm: Bool = false,
        _ emulate: (inout EmulatedProduct) -> EmulationOutcome
    ) throws {
        let (m, n, depth, batches) = (product.m, product.n, product.depth, product.batches)
        var random = RandomSource(seed: UInt64(m * 1000 + n * 10 + depth))
        let batchStride = (m * product.rowStride + depth + 3) / 4 * 4
        let a = Memory(random.floats(batches * batchStride + depth))
        let starts = Memory((0..<m).map { Int32($0 * 7 % m) })
        let weights = random.floats(max(1, batches * n * depth)).map {
            variant.weight == .int8 ? ($0 * 50).rounded() : $0
        }
        let stored = Memory(try HostArray(weights, shape: [weights.count]).bytes(as: variant.weight))
        let (scales, bias) = (Memory(random.floats(batches * n)), Memory(random.floats(batches * n)))
        let (gain, shift) = (Memory(random.floats(n)), Memory(random.floats(n)))
        let residual = Memory(random.floats(batches * m * n))
        let c = Memory([Float](repeating: .nan, count: batches * m * n))
        var operands = EmulatedProduct(
            a: a.pointer, starts: product.hasStarts ? starts.pointer : nil, aRow: product.rowStride,
            aBatch: batchStride, weight: stored.pointer, weightBatch: n * depth,
            scales: variant.weight == .int8 ? scales.pointer : nil, bias: bias.pointer, residual: residual.pointer,
            c: c.pointer, cRow: n, cBatch: m * n, m: Int32(m), n: Int32(n), depth: Int32(depth),
            batches: Int32(batches), activation: Self.relu, gain: hasNorm ? gain.pointer : nil,
            shift: hasNorm ? shift.pointer : nil, epsilon: Self.epsilon)
        outcome = emulate(&operands)
        let numbers = weights.map { rounded($0, variant.weight) }
        let factors = (0..<batches * batchStride + depth).map { rounded(a[$0], variant.compute) }
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
                    let normed = (sums[column] - mean) / (variance + Double(Self.epsilon)).squareRoot()
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
        error = largestError.isNaN ? .infinity : largestError / largest
    }
}

/// Elements at an address that is a multiple of 64 bytes, as device memory is.
private final class Memory<Element: BitwiseCopyable> {
    let pointer: UnsafeMutablePointer<Element>

    init(_ elements: [Element]) {
        let byteCount = max(1, elements.count) * MemoryLayout<Element>.stride
        pointer = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
            .bindMemory(to: Element.self, capacity: max(1, elements.count))
        pointer.initialize(from: elements, count: elements.count)
    }

    deinit {
        pointer.deallocate()
    }

    subscript(index: Int) -> Element { pointer[index] }
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
