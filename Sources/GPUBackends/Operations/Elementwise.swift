import TensorEngine

extension GPUBackend {
    func blocks(_ count: Int) -> Int { ceil(count, KernelShape.block) }

    public func fill(_ value: Float, into result: Tensor) throws {
        let count = result.shape.count
        try launch(
            shape.elementwise, "fill", groups: (blocks(count), 1, 1), threads: shape.groupSize,
            [.buffer(result), .long(count), .float(value)])
    }

    public func unary(_ kind: UnaryKind, _ x: Tensor, into result: Tensor) throws {
        let count = x.shape.count
        try launch(
            shape.elementwise, "unary", groups: (blocks(count), 1, 1), threads: shape.groupSize,
            [.int(kind.code), .buffer(x), .buffer(result), .long(count)])
    }

    public func binary(_ kind: BinaryKind, _ a: Tensor, _ b: Tensor, into result: Tensor) throws {
        guard let spread = BinarySpread(a.shape, b.shape) else { return }
        let (rows, columns, rowStride, columnStride) =
            switch spread {
            case .same: (1, a.shape.count, 0, 1)
            case .scalar: (1, a.shape.count, 0, 0)
            case .row: (a.shape.rows, a.shape.columns, 0, 1)
            case .column: (a.shape.rows, a.shape.columns, 1, 0)
            }
        try launch(
            shape.elementwise, "binary", groups: (rows * blocks(columns), 1, 1), threads: shape.groupSize,
            [
                .int(kind.code), .buffer(a), .buffer(b), .buffer(result), .long(columns), .long(rowStride),
                .int(columnStride),
            ])
    }

    public func convert(_ x: Tensor, into result: Tensor) throws {
        try convert(x.storage, x.dtype, into: result.storage, result.dtype, count: x.shape.count)
    }

    /// As operands of products are rounded: what float16 can't hold is its largest number.
    func convertInRange(_ x: Storage, _ type: DType, into result: Storage, _ resultType: DType, count: Int) throws {
        guard type == .float32, resultType == .float16 else {
            return try convert(x, type, into: result, resultType, count: count)
        }
        try launch(
            shape.elementwise, "float_to_half_in_range", groups: (blocks(count), 1, 1), threads: shape.groupSize,
            [.buffer(x), .buffer(result), .long(count)])
    }

    func convert(
        _ x: Storage, _ type: DType, into result: Storage, _ resultType: DType, count: Int
    ) throws {
        try launch(
            shape.elementwise, "\(type.kernelName)_to_\(resultType.kernelName)", groups: (blocks(count), 1, 1),
            threads: shape.groupSize, [.buffer(x), .buffer(result), .long(count)])
    }
}

extension DType {
    /// As in the names of kernels.
    fileprivate var kernelName: String {
        switch self {
        case .float32: "float"
        case .float16: "half"
        case .bfloat16: "bfloat"
        case .int8: "int8"
        case .int32: "int32"
        }
    }
}

extension CaseIterable where Self: Equatable, AllCases.Index == Int {
    /// What kernels call the kind: its place among all.
    var code: Int { Self.allCases.firstIndex(of: self) ?? -1 }
}

extension UnaryKind? {
    /// -1 for none.
    var code: Int { self?.code ?? -1 }
}
