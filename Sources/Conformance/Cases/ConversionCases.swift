import TensorEngine

extension ConformanceCase {
    /// Every pair that `Tensor.converted` allows.
    static let conversionCases: [ConformanceCase] =
        DType.allCases.flatMap { source in
            DType.allCases.filter { isConvertible(source, to: $0) }.flatMap { target in
                [0, 1, 15, 1003].map { convert(source, to: target, count: $0) } + [convertEdges(source, to: target)]
            }
        }

    public static func isConvertible(_ source: DType, to target: DType) -> Bool {
        switch (source, target) {
        case (.int32, .float32), (.int8, .float32), (.float32, .int8): true
        default: source != target && source.isFloatingPoint && target.isFloatingPoint
        }
    }

    private static func convert(_ source: DType, to target: DType, count: Int) -> ConformanceCase {
        ConformanceCase("convert", "\(count) numbers \(source) to \(target)", tolerance: .exact) { random in
            guard source == .float32 else { return [bits(of: source, (0..<count).map { _ in random.next() })] }
            return [random.array([count], scale: 100)]
        } bind: { operands in
            { try operands[0].converted(to: target) }
        }
    }

    /// All bit patterns of the 16-bit types; for float32 what lies at and beside each rounding boundary of the target.
    private static func convertEdges(_ source: DType, to target: DType) -> ConformanceCase {
        ConformanceCase("convert", "edges of \(source) to \(target)", tolerance: .exact) { random in
            switch source {
            case .float32 where target == .int8:
                let steps = (-1200...1200).map { Float($0) / 8 }
                let values: [Float] = steps + [.infinity, -.infinity, .nan, 1e30, -1e30, 126.5, 127.5]
                return [HostArray(values, shape: [values.count])]
            case .float32:
                let grid = bits(of: target, stride(from: UInt64(0), to: 0x7F80, by: 13).map { $0 }).floats()
                var values: [Float] = [
                    0, -0.0, .infinity, -.infinity, .nan, .greatestFiniteMagnitude, 0x1p-133, 65519.996,
                ]
                for (low, high) in zip(grid, grid.dropFirst()) where high.isFinite {
                    let next = Float(bitPattern: low.bitPattern + 1)
                    let middle = low / 2 + boundary(above: low, target) / 2
                    values += [low, -low, next, middle, -middle, middle.nextUp, middle.nextDown, high]
                }
                return [HostArray(values, shape: [values.count])]
            case .int32:
                return [bits(of: .int32, [0, .max, 1 << 31, 0x7FFF_FFFF, 16_777_217, 33_554_435, 0xFF00_0001])]
            default:
                return [bits(of: source, (0..<65536).map { $0 })]
            }
        } bind: { operands in
            { try operands[0].converted(to: target) }
        }
    }

    /// The number of `type` that follows `low`.
    private static func boundary(above low: Float, _ type: DType) -> Float {
        let fractionBits = type == .float16 ? 10 : 7
        let exponent =
            type == .float16 ? max(low == 0 ? -14 : Int(low.exponent), -14) : Int(max(low, 0x1p-126).exponent)
        return low + Float(sign: .plus, exponent: exponent - fractionBits, significand: 1)
    }

    /// The low bits of each number as an element of a type.
    private static func bits(of type: DType, _ patterns: [UInt64]) -> HostArray {
        var bytes: [UInt8] = []
        for pattern in patterns {
            for byte in 0..<type.byteSize { bytes.append(UInt8(truncatingIfNeeded: pattern >> UInt64(8 * byte))) }
        }
        return HostArray(
            shape: [patterns.count], dtype: type, memory: ArrayMemory(bytes), byteRange: 0..<bytes.count)
    }
}
