/// The order in which pyctcdecode tries the tokens of a frame: that of CPython's `set(tokens) | {best}`.
///
/// It decides between hypotheses of the same score, and in subword alphabets, where a token that closes a word acts on
/// whatever is tried next, more than that. So the table of CPython 3 (Objects/setobject.c) is followed: linear probes
/// of nine slots, then `5i + 1 + perturb`; four times the entries when three fifths are full.
struct TokenOrder: Sendable {
    private static let free: Int32 = -1
    private var table: [Int32] = []
    private var other: [Int32] = []

    /// Puts distinct ids, which ascend, into that order.
    mutating func sort(_ tokens: inout [Int32], best: Int32) {
        guard tokens.count > 1 else { return }
        Self.clear(&table, slots: 8)
        var count = 0
        for token in tokens {
            Self.insert(token, into: &table)
            count += 1
            if count * 5 >= (table.count - 1) * 3 {
                resize(for: count > 50_000 ? count * 2 : count * 4)
            }
        }
        copy(count)
        if (count + 1) * 5 >= (table.count - 1) * 3 { resize(for: (count + 1) * 2) }
        tokens.removeAll(keepingCapacity: true)
        for token in table where token != Self.free { tokens.append(token) }
    }

    /// Copying a set gives its table another size, unless the smallest holds it.
    private mutating func copy(_ count: Int) {
        let slots = count * 5 >= 7 * 3 ? Self.slots(for: count * 2) : 8
        if slots != table.count { rebuild(slots: slots) }
    }

    private mutating func resize(for count: Int) { rebuild(slots: Self.slots(for: count)) }

    private mutating func rebuild(slots: Int) {
        swap(&table, &other)
        Self.clear(&table, slots: slots)
        for token in other where token != Self.free { Self.insert(token, into: &table) }
    }

    private static func slots(for count: Int) -> Int {
        var slots = 8
        while slots <= count { slots *= 2 }
        return slots
    }

    private static func clear(_ table: inout [Int32], slots: Int) {
        table.removeAll(keepingCapacity: true)
        table.append(contentsOf: repeatElement(free, count: slots))
    }

    private static func insert(_ token: Int32, into table: inout [Int32]) {
        let mask = table.count - 1
        var perturb = Int(token)
        var slot = perturb & mask
        while true {
            for probe in slot...(slot + 9 <= mask ? slot + 9 : slot) where table[probe] == free {
                table[probe] = token
                return
            }
            perturb >>= 5
            slot = (slot * 5 + 1 + perturb) & mask
        }
    }
}
