import SIMDKernelTable

/// A part of a panel, `depth` deep, as float32: in place when it is stored so, else converted into `result`, which
/// stays in the first-level cache while all rows of a block are multiplied with it.
@inline(__always) func float32Panel(
    _ packed: UnsafeRawPointer, _ type: PanelType, _ scales: UnsafePointer<Float>?, _ depth: Int,
    into result: UnsafeMutablePointer<Float>
) -> UnsafePointer<Float> {
    switch type {
    case .float32: return packed.assumingMemoryBound(to: Float.self)
    case .bfloat16: expandBrain(packed, depth * tileColumns, result)
    case .float16: halfToFloat(packed.assumingMemoryBound(to: UInt16.self), result, depth * tileColumns)
    case .int8: expandBytes(packed, scales, depth, result)
    }
    return UnsafePointer(result)
}

@inline(never) func expandBrain(_ packed: UnsafeRawPointer, _ count: Int, _ result: UnsafeMutablePointer<Float>) {
    var index = 0
    while index < count {
        store(brainFloats(packed + 2 * index), result + index)
        index += lanes
    }
}

/// Lane by lane, which the optimiser turns into one conversion: the library's own is a generic function.
@inline(__always) func floats(_ bytes: UnsafeRawPointer) -> Vector {
    let bytes = bytes.assumingMemoryBound(to: Int8.self)
    var result = splat(0)
    for lane in 0..<lanes { result[lane] = Float(bytes[lane]) }
    return result
}

@inline(never) func expandBytes(
    _ packed: UnsafeRawPointer, _ scales: UnsafePointer<Float>?, _ depth: Int, _ result: UnsafeMutablePointer<Float>
) {
    let low = scales.map { load($0) } ?? splat(1)
    let high = scales.map { load($0 + lanes) } ?? splat(1)
    for k in 0..<depth {
        let bytes = packed + k * tileColumns
        let target = result + k * tileColumns
        store(floats(bytes) * low, target)
        store(floats(bytes + lanes) * high, target + lanes)
    }
}

/// Rows of a dense weight as float32.
@inline(never) func expandRows(
    _ rows: UnsafeRawPointer, _ type: PanelType, _ scales: UnsafePointer<Float>?, _ rowCount: Int, _ depth: Int,
    _ result: UnsafeMutablePointer<Float>
) {
    let count = rowCount * depth
    switch type {
    case .float32: result.update(from: rows.assumingMemoryBound(to: Float.self), count: count)
    case .float16: halfToFloat(rows.assumingMemoryBound(to: UInt16.self), result, count)
    case .bfloat16:
        let halves = rows.assumingMemoryBound(to: UInt16.self)
        for index in 0..<count { result[index] = Float(bitPattern: UInt32(halves[index]) << 16) }
    case .int8:
        let bytes = rows.assumingMemoryBound(to: Int8.self)
        for row in 0..<rowCount {
            let scale = scales?[row] ?? 1
            for k in row * depth..<(row + 1) * depth { result[k] = Float(bytes[k]) * scale }
        }
    }
}
