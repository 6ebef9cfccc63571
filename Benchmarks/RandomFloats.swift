import TensorEngine
import Dispatch

/// Uniform random floats by the billion: 32-bit xorshift generators (Marsaglia 2003) side by side in vectors, on all
/// cores. The same numbers on every machine.
package enum RandomFloats {
    private typealias Lanes = SIMD16<UInt32>
    /// Each of these is made from a seed of its own, so that any core can make it.
    private static let chunkCount = 1 << 16

    /// A seed that differs for different texts: FNV-1a.
    package static func seed(_ text: String) -> UInt64 {
        text.utf8.reduce(14_695_981_039_346_656_037) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
    }

    /// The bytes of `count` floats in `offset ± scale`.
    static func bytes(count: Int, seed: UInt64, scale: Float, offset: Float) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 4 * count) { buffer, initialized in
            initialized = 4 * count
            guard count > 0, let start = buffer.baseAddress else { return }
            let target = Target(start: UnsafeMutableRawPointer(start))
            DispatchQueue.concurrentPerform(iterations: (count + chunkCount - 1) / chunkCount) { chunk in
                let first = chunk * chunkCount
                fill(
                    target.start + 4 * first, min(chunkCount, count - first), seed: seed &+ UInt64(chunk), scale: scale,
                    offset: offset)
            }
        }
    }

    package static func floats(count: Int, seed: UInt64, scale: Float) -> [Float] {
        bytes(count: count, seed: seed, scale: scale, offset: 0).withUnsafeBytes { bytes in
            (0..<count).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
        }
    }

    /// `@unchecked Sendable`: each chunk is written by one call.
    private struct Target: @unchecked Sendable {
        let start: UnsafeMutableRawPointer
    }

    private static func fill(
        _ target: UnsafeMutableRawPointer, _ count: Int, seed: UInt64, scale: Float, offset: Float
    ) {
        var random = RandomSource(seed: seed)
        var state = Lanes()
        // A state of zero would stay zero.
        for lane in 0..<Lanes.scalarCount { state[lane] = UInt32(truncatingIfNeeded: random.next()) | 1 }
        // A fraction's 23 bits make a number in 1 ..< 2; from there to offset ± scale.
        let (factor, base) = (SIMD16<Float>(repeating: 2 * scale), SIMD16<Float>(repeating: offset - 3 * scale))
        func next() -> SIMD16<Float> {
            state ^= state &<< 13
            state ^= state &>> 17
            state ^= state &<< 5
            return unsafeBitCast(state &>> 9 | 0x3F80_0000, to: SIMD16<Float>.self) * factor + base
        }
        var index = 0
        while index + Lanes.scalarCount <= count {
            target.storeBytes(of: next(), toByteOffset: 4 * index, as: SIMD16<Float>.self)
            index += Lanes.scalarCount
        }
        let last = next()
        for lane in 0..<count - index {
            target.storeBytes(of: last[lane], toByteOffset: 4 * (index + lane), as: Float.self)
        }
    }
}
