/// A map from a node and what follows it to the next node: a hash table with open addressing.
struct PairTable: Sendable {
    private static let empty = UInt64.max
    private var keys: [UInt64]
    private var values: [Int32]
    private var count = 0

    init() {
        keys = Array(repeating: Self.empty, count: 1 << 10)
        values = Array(repeating: 0, count: 1 << 10)
    }

    /// The value of `(node, next)`, or after it was set to it, what `make` gives.
    mutating func value(_ node: Int32, _ next: UInt32, orInsert make: @autoclosure () -> Int32) -> Int32 {
        let key = UInt64(UInt32(bitPattern: node)) << 32 | UInt64(next)
        var slot = slot(of: key)
        if keys[slot] == key { return values[slot] }
        if count * 2 >= keys.count {
            grow()
            slot = self.slot(of: key)
        }
        count += 1
        let value = make()
        (keys[slot], values[slot]) = (key, value)
        return value
    }

    private func slot(of key: UInt64) -> Int {
        let mask = keys.count - 1
        var slot = Int(truncatingIfNeeded: key.mixed) & mask
        while keys[slot] != key, keys[slot] != Self.empty { slot = (slot + 1) & mask }
        return slot
    }

    private mutating func grow() {
        let (oldKeys, oldValues) = (keys, values)
        keys = Array(repeating: Self.empty, count: oldKeys.count * 2)
        values = Array(repeating: 0, count: keys.count)
        for (key, value) in zip(oldKeys, oldValues) where key != Self.empty {
            let slot = slot(of: key)
            (keys[slot], values[slot]) = (key, value)
        }
    }
}

extension UInt64 {
    /// A hash: every bit depends on every bit (the finaliser of MurmurHash3).
    var mixed: UInt64 {
        var value = self
        value = (value ^ (value >> 33)) &* 0xFF51_AFD7_ED55_8CCD
        value = (value ^ (value >> 33)) &* 0xC4CE_B9FE_1A85_EC53
        return value ^ (value >> 33)
    }
}
