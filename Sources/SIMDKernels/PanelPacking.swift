import SIMDKernelTable

/// One panel of columns that lie anywhere, with what belongs to its integers.
@inline(never) func packPanel(_ task: borrowing PackTask) {
    packNumbers(task)
    if task.panelType == .int8 { addUp(task) }
    if task.panelType == .int16 { roundToShorts(task) }
}

/// The numbers as `numberType`: moved when they are stored so, else converted by way of float32, a block of depth at a
/// time.
@inline(__always) func packNumbers(_ task: borrowing PackTask) {
    let (columns, type) = (task.columns, task.numberType)
    let (byteSize, panelDepth) = (type.byteSize, task.panelType.panelDepth(task.depth))
    guard task.storedType != type else {
        return transpose(task.depth, panelDepth, type, task.panel) { columns[$0] }
    }
    if type == .int8, let scales = task.scales {
        for lane in 0..<tileColumns {
            if let column = columns[lane] { scales[lane] = int8Scale(task, column, lane) }
        }
    }
    let block = UnsafeMutableRawPointer(task.scratch + PackTask.blockDepth)
    let blockStride = PackTask.blockDepth * byteSize
    var first = 0
    while first < panelDepth {
        let count = min(PackTask.blockDepth, task.depth - first)
        let panelCount = min(PackTask.blockDepth, panelDepth - first)
        for lane in 0..<tileColumns {
            guard let column = columns[lane] else { continue }
            let values = packFloats(task, column, lane, first, count)
            let target = block + lane * blockStride
            switch type {
            case .float32: target.assumingMemoryBound(to: Float.self).update(from: values, count: count)
            case .float16: floatToHalf(values, target.assumingMemoryBound(to: UInt16.self), count)
            case .bfloat16: floatToBrain(values, target.assumingMemoryBound(to: UInt16.self), count)
            case .int16: break  // no number's own type
            case .int8:
                let scale = task.scales.map { $0[lane] } ?? 1
                floatToBytes(values, scale, target.assumingMemoryBound(to: UInt8.self), count)
            }
        }
        transpose(count, panelCount, type, task.panel + first * tileColumns * byteSize) { lane in
            columns[lane].map { _ in UnsafeRawPointer(block + lane * blockStride) }
        }
        first += panelCount
    }
}

/// What integers of int8 add up to.
@inline(__always) func addUp(_ task: borrowing PackTask) {
    guard let totals = task.totals else { return }
    let ones = Bits(repeating: 0x0001_0001)
    var (first, second) = (Bits(repeating: 0), Bits(repeating: 0))
    var (most, least) = (Halves(repeating: 0), Halves(repeating: 0))
    /// Adds what neighbours add up to, of which a lane has two.
    @inline(__always) func add(_ quads: Bits, to sum: inout Bits) {
        let pairs = unsafeBitCast(evenBytes(quads), to: Halves.self) &+ unsafeBitCast(oddBytes(quads), to: Halves.self)
        sum &+= dotPairs(unsafeBitCast(pairs, to: Bits.self), ones)
        most = most.replacing(with: pairs, where: pairs .> most)
        least = least.replacing(with: pairs, where: pairs .< least)
    }
    var quads = UnsafeRawPointer(task.panel).assumingMemoryBound(to: Int32.self)
    for _ in 0..<task.panelType.panelDepth(task.depth) / task.panelType.group {
        add(load(quads), to: &first)
        add(load(quads + lanes), to: &second)
        quads += tileColumns
    }
    for lane in 0..<tileColumns where task.columns[lane] != nil {
        totals[lane] = Float(lane < lanes ? first[lane] : second[lane - lanes])
    }
    var largest: Int16 = 0
    for lane in 0..<2 * lanes {
        if most[lane] > largest { largest = most[lane] }
        if -least[lane] > largest { largest = -least[lane] }
    }
    task.largestPair?.pointee = Int(largest)
}

/// A block of a column as float32: in place when it is stored so, else converted into the scratch.
@inline(__always) func packFloats(
    _ task: borrowing PackTask, _ column: UnsafeRawPointer, _ lane: Int, _ first: Int, _ count: Int
) -> UnsafePointer<Float> {
    let source = column + first * task.storedType.byteSize
    let result = task.scratch
    switch task.storedType {
    case .float32, .int16: return source.assumingMemoryBound(to: Float.self)
    case .float16: halfToFloat(source.assumingMemoryBound(to: UInt16.self), result, count)
    case .bfloat16:
        let halves = source.assumingMemoryBound(to: UInt16.self)
        for index in 0..<count { result[index] = Float(bitPattern: UInt32(halves[index]) << 16) }
    case .int8:
        let bytes = source.assumingMemoryBound(to: Int8.self)
        let scale = task.storedScales.map { $0[lane] } ?? 1
        for index in 0..<count { result[index] = Float(bytes[index]) * scale }
    }
    return UnsafePointer(result)
}

/// The step of a column's integers: its largest magnitude / 127, NaN when it holds one, never zero.
@inline(__always) func int8Scale(_ task: borrowing PackTask, _ column: UnsafeRawPointer, _ lane: Int) -> Float {
    var top = splat(0)
    var first = 0
    while first < task.depth {
        let count = min(PackTask.blockDepth, task.depth - first)
        let values = packFloats(task, column, lane, first, count)
        var index = 0
        while index < count {
            let value = index + lanes <= count ? load(values + index) : load(values + index, first: count - index)
            let size = vector(magnitude(value))
            top = withNaN(top, size, larger(size, top))
            index += lanes
        }
        first += count
    }
    var result = top[0]
    for lane in 1..<lanes {
        let value = top[lane]
        if value > result || value != value { result = value }
    }
    return byteStep(result)
}

/// The step of integers within ±127 whose numbers are as large as `largest`, never zero.
@inline(__always) func byteStep(_ largest: Float) -> Float {
    atLeastNormal(largest * (Float(1) / 127))
}

/// A step, never zero; NaN stays NaN.
@inline(__always) func atLeastNormal(_ step: Float) -> Float {
    step < Float.leastNormalMagnitude ? Float.leastNormalMagnitude : step
}

/// Rounded to nearest even; a NaN stays one.
@inline(never) func floatToBrain(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<UInt16>, _ count: Int) {
    var index = 0
    while index + lanes <= count {
        storeBrain(load(x + index), y + index)
        index += lanes
    }
    if index < count {
        let rounded = brainBits(load(x + index, first: count - index))
        for lane in 0..<count - index { y[index + lane] = UInt16(truncatingIfNeeded: rounded[lane]) }
    }
}

@inline(__always) func storeBrain(_ x: Vector, _ y: UnsafeMutablePointer<UInt16>) {
    let rounded = brainBits(x)
    for lane in 0..<lanes { y[lane] = UInt16(truncatingIfNeeded: rounded[lane]) }
}

/// The bfloat16 in the lower half of each lane.
@inline(__always) func brainBits(_ x: Vector) -> Bits {
    let value = bits(x)
    let upper = value &>> Bits(repeating: 16)
    let rounded = (value &+ (upper & Bits(repeating: 1)) &+ Bits(repeating: 0x7FFF)) &>> Bits(repeating: 16)
    return rounded.replacing(with: upper | Bits(repeating: 0x40), where: x .!= x)
}

/// `round(x / scale)` within ±127, to nearest even; NaN as 0.
@inline(never) func floatToBytes(
    _ x: UnsafePointer<Float>, _ scale: Float, _ y: UnsafeMutablePointer<UInt8>, _ count: Int
) {
    for index in 0..<count {
        let quotient = x[index] / scale
        let high = quotient > 127 ? 127 : quotient
        let bounded = high < -127 ? -127 : high
        // The sum has no room for a fraction, and its last bits are the integer's.
        let shifted = (bounded == bounded ? bounded : 0) + 12_582_912
        y[index] = UInt8(truncatingIfNeeded: shifted.bitPattern)
    }
}
