import FoundationEssentials
import XLSR

/// The generator of Fixtures/make_random.py: 64 bits, linear congruential, its upper half.
struct FixtureRandom {
    private var state: UInt64

    init(seed: Int) {
        state = UInt64(seed)
    }

    mutating func below(_ limit: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 32) % limit
    }

    /// −16 to 0, exact in 32 bits.
    mutating func logProbability() -> Float { -Float(below(1 << 20)) / Float(1 << 16) }
}

func fixture(_ name: String) throws -> JSON {
    let path = testFolder + "/Fixtures/" + name
    return try JSON(parsing: Data(contentsOf: URL(filePath: path)), path: path)
}
