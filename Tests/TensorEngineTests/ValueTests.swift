import TensorEngine
import Testing

@Suite struct ShapeTests {
    @Test func sizesAreProducts() {
        let shape: Shape = [2, 3, 5]
        #expect(shape.count == 30 && shape.rows == 6 && shape.columns == 5)
        #expect(([] as Shape).count == 1)
        #expect(([7] as Shape).rows == 1)
    }

    @Test func aProcessorIsOneDevice() {
        #expect(Device(.simd, index: 5) == .simd && Device(.cuda, index: 5).index == 5)
        #expect(Device("simd:1") == nil && Device("opencl:1") == .opencl(1))
    }

    @Test func aPrecisionIsKnownByItsName() {
        for precision in [Precision.float32, .tf32, .bfloat16, .float16, .int8] {
            #expect(Precision(precision.name) == precision)
        }
        #expect(Precision("int32") == nil)
    }

    @Test func validatingRefusesNegativeAndOverflowingSizes() {
        #expect(Shape(validating: [2, 0, 3])?.count == 0)
        #expect(Shape(validating: [])?.rank == 0)
        #expect(Shape(validating: [2, -1]) == nil)
        #expect(Shape(validating: [-1, -1]) == nil)
        #expect(Shape(validating: [1 << 32, 1 << 31]) == nil)
        #expect(Shape(validating: [.max, 2]) == nil)
    }
}

@Suite struct SegmentsTests {
    @Test func lengthsLieOneUnderTheOther() {
        let segments = Segments(lengths: [3, 0, 2])
        #expect(segments.offsets == [0, 3, 3])
        #expect(segments.rowIndices == [0, 1, 2, 3, 4])
        #expect(segments.end == 5 && segments.longest == 3 && segments.validRowCount == 5)
    }

    @Test(arguments: [
        Segments(offsets: [0, 2], lengths: [3, 1]), Segments(offsets: [4, 0], lengths: [1, 1]),
        Segments(offsets: [0], lengths: [9]), Segments(offsets: [0], lengths: [-1]),
        Segments(offsets: [-1], lengths: [2]), Segments(offsets: [8, 8], lengths: [0, 1]),
    ])
    func segmentsThatOverlapOrLeaveTheRowsAreRefused(segments: Segments) throws {
        let x = try Tensor.filled(1, shape: [8, 6], on: ReferenceBackend())
        let error = #expect(throws: TensorError.self) { try x.attention(heads: 1, segments: segments) }
        #expect(error?.kind == .invalidArgument && error?.operation == "attention")
    }
}

@Suite struct HostArrayTests {
    private func floats(_ dtype: DType, _ bytes: [UInt8]) -> [Float] {
        let count = bytes.count / dtype.byteSize
        // One byte in, so that nothing is aligned.
        return HostArray(
            shape: [count], dtype: dtype, memory: ArrayMemory([0] + bytes), byteRange: 1..<bytes.count + 1
        ).floats()
    }

    @Test func everyElementTypeIsReadFromItsLittleEndianBytes() {
        #expect(floats(.float32, [0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0]) == [1, -2])
        #expect(
            floats(.float16, [0, 0x3C, 0xFF, 0x7B, 1, 0, 0, 0x80, 0x55, 0x35]) == [1, 65504, 0x1p-24, 0, 0.33325195])
        #expect(floats(.bfloat16, [0x80, 0x3F, 0x49, 0xC0]) == [1, -3.140625])
        #expect(floats(.int8, [0x80, 0x7F, 0xFF]) == [-128, 127, -1])
        #expect(floats(.int32, [0, 0, 0, 0x80, 0xFF, 0xFF, 0xFF, 0xFF]) == [-2_147_483_648, -1])
    }

    @Test func infinitiesAndNaNKeepTheirMeaning() {
        let halves = floats(.float16, [0, 0x7C, 0, 0xFC, 1, 0x7C])
        #expect(halves[0] == .infinity && halves[1] == -.infinity && halves[2].isNaN)
        let brains = floats(.bfloat16, [0x80, 0x7F, 0x80, 0xFF, 0xC0, 0x7F])
        #expect(brains[0] == .infinity && brains[1] == -.infinity && brains[2].isNaN)
    }
}
