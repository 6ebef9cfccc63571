import GPUBackends
import TensorEngine

/// A library's product over a driver's memory: sums in Double, rounded once.
struct HostProduct: Sendable {
    private let product: LibraryProduct
    private let a, weight, c: UInt
    private let bias, residual: UInt?

    init(_ product: LibraryProduct, _ operands: LibraryOperands) {
        func address(_ storage: Storage) -> UInt { UInt(bitPattern: storage.address) }
        self.product = product
        let offset = UInt(operands.offset * product.type.byteSize)
        a = address(operands.a) + offset
        weight = address(operands.weight) + offset
        c = address(operands.c)
        bias = operands.bias.map(address)
        residual = operands.residual.map(address)
    }

    func compute(on driver: some GPUDriver) throws {
        func numbers(_ address: UInt?, _ count: Int, _ type: DType = .float32) throws -> [Float] {
            guard let address, let pointer = UnsafeMutableRawPointer(bitPattern: address) else {
                return [Float](repeating: 0, count: count)
            }
            var bytes = [UInt8](repeating: 0, count: count * type.byteSize)
            try bytes.withUnsafeMutableBytes { try driver.download(pointer, into: $0) }
            return bytes.withUnsafeBytes { bytes in
                (0..<count).map { index in
                    switch type {
                    case .float16: Float(bytes.loadUnaligned(fromByteOffset: 2 * index, as: Float16.self))
                    case .bfloat16:
                        Float(
                            bitPattern: UInt32(bytes.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self)) << 16)
                    default: bytes.loadUnaligned(fromByteOffset: 4 * index, as: Float.self)
                    }
                }
            }
        }
        let (m, n, depth, stride) = (product.m, product.n, product.depth, product.aRowStride)
        let rows = try numbers(a, (m - 1) * stride + depth, product.type)
        let step = product.weightRowStride
        let columns = try numbers(weight, (n - 1) * step + depth, product.type)
        let (bias, residual) = (try numbers(bias, n), try numbers(residual, m * n))
        var result = [UInt8]()
        result.reserveCapacity(m * n * product.resultType.byteSize)
        for row in 0..<m {
            for column in 0..<n {
                var sum = Double(bias[column]) + Double(residual[row * n + column])
                for k in 0..<depth { sum += Double(rows[row * stride + k]) * Double(columns[column * step + k]) }
                switch product.resultType {
                case .float16: withUnsafeBytes(of: Float16(sum)) { result += $0 }
                case .bfloat16: withUnsafeBytes(of: Float(sum).bfloat16Bits) { result += $0 }
                default: withUnsafeBytes(of: Float(sum)) { result += $0 }
                }
            }
        }
        guard let target = UnsafeMutableRawPointer(bitPattern: c) else { return }
        try result.withUnsafeBytes { try driver.upload($0, to: target) }
    }
}
