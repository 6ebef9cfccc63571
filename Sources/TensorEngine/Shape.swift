/// The sizes of a dense, row-major array, outermost first. A scalar has the empty shape.
///
/// Any sizes may be written down; those that no array can have (negative ones, or a product above `Int.max`) are an
/// error wherever a tensor is made of them.
public struct Shape: Hashable, Sendable, ExpressibleByArrayLiteral, CustomStringConvertible {
    public let dimensions: [Int]

    public init(_ dimensions: [Int]) {
        self.dimensions = dimensions
    }

    public init(arrayLiteral elements: Int...) {
        self.init(elements)
    }

    public var rank: Int { dimensions.count }

    /// The number of elements: the product of all dimensions. Only of sizes that an array can have.
    public var count: Int { dimensions.reduce(1, *) }

    /// The last dimension: the channels of `[rows, channels]`. 1 for a scalar.
    public var columns: Int { dimensions.last ?? 1 }

    /// The product of all dimensions but the last. 1 for a scalar or a vector.
    public var rows: Int { dimensions.dropLast().reduce(1, *) }

    public subscript(axis: Int) -> Int { dimensions[axis] }

    public var description: String {
        "[" + dimensions.map(String.init).joined(separator: ", ") + "]"
    }
}

extension Shape {
    /// The shape of sizes read from a file; nil when one is negative or the product overflows.
    public init?(validating dimensions: [Int]) {
        var count = 1
        for size in dimensions {
            guard size >= 0 else { return nil }
            let (product, overflow) = count.multipliedReportingOverflow(by: size)
            guard !overflow else { return nil }
            count = product
        }
        self.init(dimensions)
    }
}

extension Shape {
    /// - Throws: `TensorError` of kind `invalidArgument` when no array can have these sizes.
    func checkedCount(_ operation: String) throws -> Int {
        guard let shape = Shape(validating: dimensions) else {
            throw TensorError(.invalidArgument, operation: operation, "no array has these sizes", shapes: [self])
        }
        return shape.count
    }
}
