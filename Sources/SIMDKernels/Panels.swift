import SIMDKernelTable

/// A part of a panel, `depth` deep, as float32: in place when it is stored so, else converted into `result`, which
/// stays in the first-level cache while all rows of a block are multiplied with it. int8 has products of its own.
@inline(__always) func float32Panel(
    _ packed: UnsafeRawPointer, _ type: PanelType, _ depth: Int, into result: UnsafeMutablePointer<Float>
) -> UnsafePointer<Float> {
    switch type {
    case .float32, .int8: return packed.assumingMemoryBound(to: Float.self)
    case .bfloat16: expandBrain(packed, depth, result)
    case .float16: halfToFloat(packed.assumingMemoryBound(to: UInt16.self), result, depth * tileColumns)
    }
    return UnsafePointer(result)
}

@inline(never) func expandBrain(_ packed: UnsafeRawPointer, _ depth: Int, _ result: UnsafeMutablePointer<Float>) {
    var (source, target) = (packed, result)
    for _ in 0..<depth / 2 {
        let (first0, second0) = brainPairs(source)
        let (first1, second1) = brainPairs(source + 4 * lanes)
        store(first0, target)
        store(first1, target + lanes)
        store(second0, target + 2 * lanes)
        store(second1, target + 3 * lanes)
        source += 4 * tileColumns
        target += 2 * tileColumns
    }
    guard depth & 1 == 1 else { return }
    store(brainFloats(source), target)
    store(brainFloats(source + 2 * lanes), target + lanes)
}
