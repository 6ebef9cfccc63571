import TensorEngine

/// A copy of a file with one to three small damages: flipped bits, cuts, insertions, repetitions.
/// - Parameter insertions: texts that are worth inserting into files of that kind.
func mutated(_ original: [UInt8], inserting insertions: [[UInt8]] = [], _ random: inout RandomSource) -> [UInt8] {
    var bytes = original
    for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
        let position = Int.random(in: bytes.indices, using: &random)
        let end = min(bytes.count, position + Int.random(in: 1...64, using: &random))
        switch Int.random(in: 0..<(insertions.isEmpty ? 8 : 12), using: &random) {
        case 0...2: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 3: bytes[position] = [0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &random) ?? 0
        case 4: bytes.removeSubrange(position...)
        case 5: bytes.removeSubrange(position..<end)
        case 6:
            let noise = (position..<end).map { _ in UInt8.random(in: 0...255, using: &random) }
            bytes.insert(contentsOf: noise, at: position)
        case 7:
            let target = Int.random(in: bytes.indices, using: &random)
            bytes.insert(contentsOf: Array(bytes[position..<end]), at: target)
        default: bytes.insert(contentsOf: insertions.randomElement(using: &random) ?? [], at: position)
        }
    }
    return bytes
}
