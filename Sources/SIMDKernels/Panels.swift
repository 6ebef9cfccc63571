import SIMDKernelTable

/// A part of a panel, `depth` deep, as float32: in place when it is stored so, else converted into `result`, which
/// stays in the first-level cache while all rows of a block are multiplied with it. int8 has products of its own.
@inline(__always) func float32Panel(
    _ packed: UnsafeRawPointer, _ type: PanelType, _ depth: Int, into result: UnsafeMutablePointer<Float>
) -> UnsafePointer<Float> {
    switch type {
    case .float32, .int8: return packed.assumingMemoryBound(to: Float.self)
    case .bfloat16: expandBrain(packed, depth * tileColumns, result)
    case .float16: halfToFloat(packed.assumingMemoryBound(to: UInt16.self), result, depth * tileColumns)
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
