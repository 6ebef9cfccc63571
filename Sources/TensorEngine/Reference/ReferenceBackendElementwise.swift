import Glibc

extension ReferenceBackend {
    public func fill(_ value: Float, into result: Tensor) throws {
        result.elements().update(repeating: value)
    }

    public func convert(_ x: Tensor, into result: Tensor) throws {
        let values = try x.hostArray().floats()
        switch result.dtype {
        case .float16:
            let y = result.elements(UInt16.self)
            for index in values.indices { y[index] = Self.halfBits(values[index]) }
        case .bfloat16:
            let y = result.elements(UInt16.self)
            for index in values.indices { y[index] = Self.brainBits(values[index]) }
        case .int8:
            let y = result.elements(Int8.self)
            for index in values.indices {
                let value = values[index].isNaN ? 0 : values[index]
                y[index] = Int8(max(-127, min(127, value.rounded(.toNearestOrEven))))
            }
        default:
            let y = result.elements()
            for index in values.indices { y[index] = values[index] }
        }
    }

    public func unary(_ kind: UnaryKind, _ x: Tensor, into result: Tensor) throws {
        let (x, y) = (x.elements(), result.elements())
        for index in y.indices { y[index] = Float(Self.value(kind, Double(x[index]))) }
    }

    public func binary(_ kind: BinaryKind, _ a: Tensor, _ b: Tensor, into result: Tensor) throws {
        let spread = BinarySpread(a.shape, b.shape)
        let columns = a.shape.columns
        let (a, b, y) = (a.elements(), b.elements(), result.elements())
        for index in y.indices {
            let other: Double =
                switch spread {
                case .row: Double(b[index % columns])
                case .column: Double(b[index / columns])
                case .scalar: Double(b[0])
                default: Double(b[index])
                }
            y[index] = Float(Self.value(kind, Double(a[index]), other))
        }
    }

    public func reduce(_ kind: ReduceKind, _ x: Tensor, into result: Tensor) throws {
        let columns = x.shape.columns
        let (x, y) = (x.elements(), result.elements())
        for row in y.indices {
            var value = kind == .maximum ? -Double.infinity : 0
            for column in 0..<columns {
                let next = Double(x[row * columns + column])
                value = kind == .maximum ? Self.value(.maximum, value, next) : value + next
            }
            y[row] = Float(kind == .mean ? value / Double(columns) : value)
        }
    }

    public func argmax(_ x: Tensor, into result: Tensor) throws {
        let columns = x.shape.columns
        let (x, y) = (x.elements(), result.elements(Int32.self))
        for row in y.indices {
            let values = (0..<columns).map { x[row * columns + $0] }
            var best = 0
            for column in 0..<columns where !values[best].isNaN {
                if values[column].isNaN || values[column] > values[best] { best = column }
            }
            y[row] = Int32(best)
        }
    }

    static func value(_ kind: UnaryKind, _ x: Double) -> Double {
        switch kind {
        case .negate: -x
        case .absolute: abs(x)
        case .square: x * x
        case .squareRoot: x.squareRoot()
        case .reciprocal: 1 / x
        case .exponential: exp(x)
        case .logarithm: log(x)
        case .tanh: tanh(x)
        case .sigmoid: 1 / (1 + exp(-x))
        case .relu: x < 0 ? 0 : x
        case .leakyRelu: x < 0 ? 0.01 * x : x
        case .silu: x / (1 + exp(-x))
        // 1 + erf(z) = erfc(-z), which keeps its digits in the left tail.
        case .gelu: x / 2 * erfc(-x / 2.0.squareRoot())
        case .geluTanh: x / 2 * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
        case .geluSigmoid: x / (1 + exp(-1.702 * x))
        }
    }

    static func value(_ kind: BinaryKind, _ a: Double, _ b: Double) -> Double {
        switch kind {
        case .add: a + b
        case .subtract: a - b
        case .multiply: a * b
        case .divide: a / b
        case .maximum: a.isNaN || b.isNaN ? .nan : (a < b ? b : a)
        case .minimum: a.isNaN || b.isNaN ? .nan : (b < a ? b : a)
        }
    }

    /// IEEE 754 half, to nearest even. In units of the last place at the number's exponent the rounded magnitude q is
    /// an integer, and exponent and fraction of the result are one number to which q may carry over.
    static func halfBits(_ x: Float) -> UInt16 {
        let sign: UInt16 = x.sign == .minus ? 0x8000 : 0
        guard !x.isNaN else { return sign | 0x7E00 }
        guard x.magnitude < 65536 else { return sign | 0x7C00 }
        let exponent = x == 0 ? -14 : max(Int(x.exponent), -14)
        let unit = Double(sign: .plus, exponent: exponent - 10, significand: 1)
        let q = (Double(x.magnitude) / unit).rounded(.toNearestOrEven)
        return sign | UInt16((exponent + 14) * 1024 + Int(q))
    }

    /// The upper half of a float32, to nearest even.
    static func brainBits(_ x: Float) -> UInt16 {
        let bits = x.bitPattern
        guard !x.isNaN else { return UInt16(bits >> 16) | 0x40 }
        return UInt16((bits + 0x7FFF + (bits >> 16 & 1)) >> 16)
    }
}
