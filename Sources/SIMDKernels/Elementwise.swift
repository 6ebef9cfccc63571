import SIMDKernelTable

/// `apply` as one function, not inlined everywhere.
@inline(never) func applyFunction(
    _ function: ElementFunction, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int
) {
    if function == .identity, x == UnsafePointer(y) { return }
    apply(function, x, y, count)
}

@inline(never) func binary(_ task: borrowing BinaryTask) {
    switch task.function {
    case .add: combine(task) { $0 + $1 }
    case .subtract: combine(task) { $0 - $1 }
    case .multiply: combine(task) { $0 * $1 }
    case .divide: combine(task) { $0 / $1 }
    case .maximum: combine(task) { withNaN($0, $1, larger($0, $1)) }
    case .minimum: combine(task) { withNaN($0, $1, smaller($0, $1)) }
    }
}

/// `result`, but NaN where either operand is.
@inline(__always) func withNaN(_ a: Vector, _ b: Vector, _ result: Vector) -> Vector {
    result.replacing(with: a, where: a .!= a).replacing(with: b, where: b .!= b)
}

@inline(__always) func combine(_ task: borrowing BinaryTask, _ body: (Vector, Vector) -> Vector) {
    let columns = task.a.columns
    for row in 0..<task.a.rows {
        let a = task.a.pointer + row * task.a.stride
        let b = task.b + row * task.bRowStride
        let y = task.y + row * columns
        let single = task.bColumnStride == 0
        var column = 0
        while column + lanes <= columns {
            let other = single ? splat(b[0]) : load(b + column)
            store(body(load(a + column), other), y + column)
            column += lanes
        }
        if column < columns {
            let rest = columns - column
            let other = single ? splat(b[0]) : load(b + column, first: rest, fill: 1)
            store(body(load(a + column, first: rest, fill: 1), other), y + column, first: rest)
        }
    }
}

@inline(never) func halfToFloat(_ x: UnsafePointer<UInt16>, _ y: UnsafeMutablePointer<Float>, _ count: Int) {
    var index = 0
    while index + 8 <= count {
        let half = UnsafeRawPointer(x + index).loadUnaligned(as: SIMD8<Float16>.self)
        UnsafeMutableRawPointer(y + index).storeBytes(of: SIMD8<Float>(half), as: SIMD8<Float>.self)
        index += 8
    }
    while index < count {
        y[index] = Float(Float16(bitPattern: x[index]))
        index += 1
    }
}

@inline(never) func floatToHalf(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<UInt16>, _ count: Int) {
    for index in 0..<count { y[index] = Float16(x[index]).bitPattern }
}
