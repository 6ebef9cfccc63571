import Backends
import Conformance
import Synchronization
import TensorEngine
import Testing

/// Weights that are read where they lie must come out as weights that went through a float32 tensor do.
@Suite struct StoredWeightTests {
    private static let types: [DType] = [.float32, .float16, .bfloat16, .int8]
    private static let depth = 70
    /// 33 rows in three parts: a part ends inside a panel of every width.
    private static let partRows = [5, 17, 11]

    /// Random rows as `dtype`, what they stand for, and their scales; one row of zeros.
    private static func stored(
        _ dtype: DType, misalignedBy offset: Int = 0
    ) throws -> (weight: StoredWeight, values: [Float]) {
        var random = RandomSource(seed: 3)
        var values: [Float] = []
        var scales: [Float] = []
        let parts = partRows.map { rows in
            var bytes = [UInt8](repeating: 0, count: offset)
            for row in 0..<rows {
                let scale = random.float().magnitude / 50 + 0.001
                if dtype == .int8 { scales.append(scale) }
                for _ in 0..<depth {
                    let value = row == 3 ? 0 : random.float()
                    switch dtype {
                    case .float32:
                        bytes += withUnsafeBytes(of: value) { Array($0) }
                        values.append(value)
                    case .float16:
                        bytes += withUnsafeBytes(of: Float16(value)) { Array($0) }
                        values.append(Float(Float16(value)))
                    case .bfloat16:
                        bytes += withUnsafeBytes(of: value.bfloat16Bits) { Array($0) }
                        values.append(Float(bitPattern: UInt32(value.bfloat16Bits) << 16))
                    default:
                        let integer = Int8(max(-127, min(127, (value * 60).rounded())))
                        bytes.append(UInt8(bitPattern: integer))
                        values.append(Float(integer) * scale)
                    }
                }
            }
            return HostArray(
                shape: [rows, depth], dtype: dtype, memory: ArrayMemory(bytes), byteRange: offset..<bytes.count)
        }
        return (try StoredWeight(parts, scales: dtype == .int8 ? scales : nil), values)
    }

    /// What a weight of that type holds, worked out one number at a time.
    private static func rounded(_ values: [Float], to dtype: DType, isQuantized: Bool) -> [Float] {
        switch dtype {
        case .float16: return values.map { Float(Float16($0)) }
        case .bfloat16: return values.map { Float(bitPattern: UInt32($0.bfloat16Bits) << 16) }
        case .int8 where !isQuantized:
            return stride(from: 0, to: values.count, by: depth).flatMap { start in
                let row = values[start..<start + depth]
                let scale = max((row.map(\.magnitude).max() ?? 0) * (1 / 127), .leastNormalMagnitude)
                return row.map { max(-127, min(127, $0 / scale)).rounded(.toNearestOrEven) * scale }
            }
        default: return values
        }
    }

    @Test(arguments: TestDevices.present, types)
    func everyTypeBecomesEveryOther(device: TestDevice, dtype: DType) throws {
        for offset in [0, 1] {
            let (weight, values) = try Self.stored(dtype, misalignedBy: offset)
            for target in Self.types {
                let prepared = try weight.prepared(as: target, on: device.backend)
                #expect(prepared.shape == [33, Self.depth] && prepared.use == .linear)
                var expected = Self.rounded(values, to: target, isQuantized: dtype == .int8)
                if RoundingTests.shortTypes(device).contains(target) {
                    expected = stride(from: 0, to: expected.count, by: Self.depth).flatMap { start in
                        asShorts(expected[start..<start + Self.depth]).map { Float($0) }
                    }
                }
                #expect(try device.backend.dense(prepared).floats() == expected, "\(dtype) to \(target)")
            }
        }
    }

    @Test(arguments: TestDevices.fused, types)
    func productsAreThoseOfADenseWeightToTheLastBit(device: TestDevice, dtype: DType) throws {
        let backend = device.backend
        let (weight, values) = try Self.stored(dtype)
        var random = RandomSource(seed: 4)
        for rows in [3, 20] {
            let x = try Tensor(random.array([rows, Self.depth]), on: backend)
            for target in Self.types where dtype != .int8 || target != .int8 {
                let dense = try Tensor(values, shape: [33, Self.depth], on: backend).prepared(for: .linear, as: target)
                let expected = try x.linear(dense).floats()
                #expect(try x.linear(weight.prepared(as: target, on: backend)).floats() == expected, "\(target)")
            }
        }
    }

    @Test(arguments: TestDevices.fused)
    func int8KeepsItsIntegersAndScales(device: TestDevice) throws {
        let backend = device.backend
        var random = RandomSource(seed: 5)
        let matrix = try Tensor(random.array([33, Self.depth]), on: backend)
        let (integers, scales) = try matrix.quantized()
        let bytes = try integers.converted(to: .int8).hostArray()
        let stored = try StoredWeight([bytes], scales: scales.floats())
        let x = try Tensor(random.array([20, Self.depth]), on: backend)
        let expected = try x.linear(matrix.prepared(for: .linear, as: .int8)).floats()
        #expect(try x.linear(stored.prepared(as: .int8, on: backend)).floats() == expected)
    }

    @Test func aRowWithNaNIsOneOfNaNsAndLeavesTheOthersAlone() throws {
        var random = RandomSource(seed: 6)
        var values = random.floats(33 * Self.depth)
        values[7 * Self.depth + 69] = .nan
        let weight = try StoredWeight([HostArray(values, shape: [33, Self.depth])])
        for device in TestDevices.fused {
            let dense = try device.backend.dense(weight.prepared(as: .int8, on: device.backend)).floats()
            #expect(dense.indices.allSatisfy { dense[$0].isNaN == ($0 / Self.depth == 7) }, "\(device)")
        }
    }

    @Test func aRowIsReadByItself() throws {
        for dtype in Self.types {
            let (weight, values) = try Self.stored(dtype, misalignedBy: 1)
            for row in [0, 4, 5, 21, 22, 32] {
                #expect(weight.row(row) == Array(values[row * Self.depth..<(row + 1) * Self.depth]))
            }
        }
    }

    /// Says which bytes it was told that nobody needs.
    private final class WatchedMemory: HostMemory {
        let bytes: [UInt8]
        let discarded = Mutex<[Range<Int>]>([])

        init(byteCount: Int) { bytes = Array(repeating: 1, count: byteCount) }

        func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
            try bytes.withUnsafeBytes(body)
        }

        func discardResidentPages(in range: Range<Int>) { discarded.withLock { $0.append(range) } }
    }

    @Test(arguments: [(DType.bfloat16, 40_000), (.int8, 70_000), (.float32, 100)])
    func packingTakesNoSecondCopyAndLetsAllPagesGo(dtype: DType, rows: Int) throws {
        let backend = try BackendRegistry.open(.simd)
        let columns = 512
        let memories = (0..<2).map { _ in WatchedMemory(byteCount: rows * columns * dtype.byteSize) }
        let weight = try StoredWeight(
            memories.map {
                HostArray(shape: [rows, columns], dtype: dtype, memory: $0, byteRange: 0..<$0.bytes.count)
            }, scales: dtype == .int8 ? Array(repeating: 1, count: 2 * rows) : nil)
        let prepared = try weight.prepared(as: dtype, on: backend)
        let byteCount = prepared.shape.count * dtype.byteSize
        #expect(backend.pool.statistics.peakByteCount < byteCount + byteCount / 4 + (1 << 20))
        for memory in memories {
            let ranges = memory.discarded.withLock { $0 }.filter { !$0.isEmpty }
            #expect(ranges.first?.lowerBound == 0 && ranges.last?.upperBound == memory.bytes.count)
            #expect(zip(ranges, ranges.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
            // Not only at the end, where the matrix is large.
            #expect(ranges.count > (rows > 1000 ? 1 : 0))
        }
    }

    @Test func whatIsNoWeightIsRefused() throws {
        let floats = HostArray([Float](repeating: 0, count: 6), shape: [2, 3])
        let integers = HostArray(
            shape: [2, 3], dtype: .int8, memory: ArrayMemory(Array(repeating: 0, count: 6)), byteRange: 0..<6)
        let words = HostArray([Int32](repeating: 0, count: 6), shape: [2, 3])
        let vector = HostArray([Float](repeating: 0, count: 6), shape: [6])
        let wide = HostArray([Float](repeating: 0, count: 8), shape: [2, 4])
        for parts in [[], [words], [vector], [floats, wide], [floats, integers]] {
            #expect(throws: TensorError.self) { try StoredWeight(parts) }
        }
        for (part, scales) in [(floats, [1, 1]), (integers, nil), (integers, [1])] as [(HostArray, [Float]?)] {
            #expect(throws: TensorError.self) { try StoredWeight([part], scales: scales) }
        }
        let backend = try BackendRegistry.open(.simd)
        #expect(throws: TensorError.self) { try StoredWeight([floats]).prepared(as: .int32, on: backend) }
        let none = try StoredWeight([HostArray([Float](), shape: [0, 3])]).prepared(as: .int8, on: backend)
        #expect(try backend.dense(none).floats().isEmpty)
    }
}
