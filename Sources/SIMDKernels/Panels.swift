import SIMDKernelTable

/// A part of a panel, `depth` deep, as float32: in place when it is stored so, else converted into `result`, which
/// stays in cache while all rows of a block are multiplied with it. Integers have products of their own.
@inline(__always) func float32Panel(
    _ packed: UnsafeRawPointer, _ type: PanelType, _ depth: Int, into result: UnsafeMutablePointer<Float>
) -> UnsafePointer<Float> {
    switch type {
    case .float32, .int16, .int8: return packed.assumingMemoryBound(to: Float.self)
    case .bfloat16: expandBrain(packed, depth, result)
    case .float16: halfToFloat(packed.assumingMemoryBound(to: UInt16.self), result, depth * tileColumns)
    }
    return UnsafePointer(result)
}

/// Pairs of neighbours in depth to a row of the first ones and a row of the second ones.
@inline(never) func expandBrain(_ packed: UnsafeRawPointer, _ depth: Int, _ result: UnsafeMutablePointer<Float>) {
    var pairs = packed
    var row = result
    for _ in 0..<(depth + 1) / 2 {
        for half in 0..<2 {
            let place = half &* lanes
            store(brainFloats(pairs + 4 &* place, 0), row + place)
            store(brainFloats(pairs + 4 &* place, 1), row + (tileColumns &+ place))
        }
        pairs += 4 * tileColumns
        row += 2 * tileColumns
    }
}

/// The first or the second of each lane's two bfloat16, which are upper halves of float32.
@inline(__always) func brainFloats(_ pairs: UnsafeRawPointer, _ index: Int) -> Vector {
    let value = bits(load(pairs.assumingMemoryBound(to: Float.self)))
    return vector(index == 0 ? value &<< Bits(repeating: 16) : value & Bits(repeating: Int32(bitPattern: 0xFFFF_0000)))
}
