import SIMDKernelTable
import TensorEngine

extension CPUBackend {
    /// Elements that are worth a thread of their own.
    static let grain = 1 << 15

    public func fill(_ value: Float, into result: Tensor) throws {
        result.elements.pointer.update(repeating: value, count: result.shape.count)
    }

    public func unary(_ kind: UnaryKind, _ x: Tensor, into result: Tensor) throws {
        let (source, target, kernels) = (x.elements, result.elements, kernels)
        let function = ElementFunction(kind)
        workers.run(over: x.shape.count, grain: Self.grain) { range in
            kernels.unary(function, source + range.lowerBound, target + range.lowerBound, range.count)
        }
    }

    public func binary(_ kind: BinaryKind, _ a: Tensor, _ b: Tensor, into result: Tensor) throws {
        guard let spread = BinarySpread(a.shape, b.shape) else { return }
        let (first, second, target, kernels) = (a.elements, b.elements, result.elements, kernels)
        let function = BinaryTask.Function(kind)
        let columns = a.shape.columns
        let strides: (row: Int, column: Int) =
            switch spread {
            case .same: (columns, 1)
            case .row: (0, 1)
            case .column: (1, 0)
            case .scalar: (0, 0)
            }
        workers.run(over: a.shape.rows, grain: max(1, Self.grain / max(1, columns))) { rows in
            let offset = rows.lowerBound * columns
            kernels.binary(
                BinaryTask(
                    function: function,
                    a: Matrix(first + offset, rows: rows.count, columns: columns, stride: columns),
                    b: second + rows.lowerBound * strides.row, bRowStride: strides.row, bColumnStride: strides.column,
                    y: target + offset))
        }
    }

    public func convert(_ x: Tensor, into result: Tensor) throws {
        let (source, target) = (SharedPointer(x.bytes), SharedPointer(result.bytes))
        let (from, to, kernels) = (x.dtype, result.dtype, kernels)
        workers.run(over: x.shape.count, grain: Self.grain) { range in
            let (start, count) = (range.lowerBound, range.count)
            let input = UnsafeRawPointer(source + start * from.byteSize)
            let output = UnsafeMutableRawPointer(target + start * to.byteSize)
            Self.convert(input, from, output, to, count, kernels)
        }
    }

    private static func convert(
        _ x: UnsafeRawPointer, _ from: DType, _ y: UnsafeMutableRawPointer, _ to: DType, _ count: Int,
        _ kernels: KernelTable
    ) {
        let floats = x.assumingMemoryBound(to: Float.self)
        let halves = x.assumingMemoryBound(to: UInt16.self)
        let result = y.assumingMemoryBound(to: Float.self)
        let halfResult = y.assumingMemoryBound(to: UInt16.self)
        switch (from, to) {
        case (.float16, .float32): kernels.halfToFloat(halves, result, count)
        case (.float32, .float16): kernels.floatToHalf(floats, halfResult, count)
        case (.bfloat16, .float32):
            for index in 0..<count { result[index] = Float(bitPattern: UInt32(halves[index]) << 16) }
        case (.float32, .bfloat16):
            for index in 0..<count { halfResult[index] = floats[index].bfloat16Bits }
        case (.int32, .float32):
            let integers = x.assumingMemoryBound(to: Int32.self)
            for index in 0..<count { result[index] = Float(integers[index]) }
        case (.float16, .bfloat16):
            for index in 0..<count { halfResult[index] = Float(Float16(bitPattern: halves[index])).bfloat16Bits }
        case (.bfloat16, .float16):
            for index in 0..<count {
                halfResult[index] = Float16(Float(bitPattern: UInt32(halves[index]) << 16)).bitPattern
            }
        case (.int8, .float32):
            let integers = x.assumingMemoryBound(to: Int8.self)
            for index in 0..<count { result[index] = Float(integers[index]) }
        case (.float32, .int8):
            let bytes = y.assumingMemoryBound(to: Int8.self)
            for index in 0..<count {
                let bounded = max(-127, min(127, floats[index].isNaN ? 0 : floats[index]))
                bytes[index] = Int8(bounded.rounded(.toNearestOrEven))
            }
        default: break  // `Tensor.converted` lets no other pair through.
        }
    }
}

extension Tensor {
    fileprivate var bytes: UnsafeMutablePointer<UInt8> { storage.address.assumingMemoryBound(to: UInt8.self) }
}
