/// Candidates by their scores.
struct Ranking: Sendable {
    struct Entry: Sendable {
        let score: Double
        let index: Int32

        /// Of equals, the earlier is the better one.
        func isBetter(than other: Entry) -> Bool {
            score > other.score || (score == other.score && index < other.index)
        }
    }

    private(set) var entries: [Entry] = []
    private var best = -Double.infinity

    var count: Int { entries.count }
    var indices: some Sequence<Int> { entries.lazy.map { Int($0.index) } }

    mutating func removeAll() {
        entries.removeAll(keepingCapacity: true)
        best = -.infinity
    }

    /// NaN, which the scores of a language model may make of infinities, comes last.
    mutating func append(_ score: Double, _ index: Int) {
        let score = score.isNaN ? -.infinity : score
        best = max(best, score)
        entries.append(Entry(score: score, index: Int32(truncatingIfNeeded: index)))
    }

    mutating func removeAll(where isUnwanted: (Int) -> Bool) {
        entries.removeAll { isUnwanted(Int($0.index)) }
    }

    /// Keeps what is near the best, as many as the beam is wide, best first.
    mutating func keepBest(_ options: BeamSearchOptions) {
        let least = best + options.beamPruningLogProbability
        // Nothing is near -∞ or +∞; what else could be kept is then all the same.
        if best.isFinite { entries.removeAll { $0.score < least } }
        if entries.count > options.beamWidth {
            select(options.beamWidth)
            entries.removeLast(entries.count - options.beamWidth)
        }
        entries.sort { $0.isBetter(than: $1) }
    }

    /// Hoare's selection: the best `count` come first, in any order.
    private mutating func select(_ count: Int) {
        var (low, high) = (0, entries.count - 1)
        while low < high {
            let pivot = entries[low + (high - low) / 2]
            var (left, right) = (low, high)
            while left <= right {
                while entries[left].isBetter(than: pivot) { left += 1 }
                while pivot.isBetter(than: entries[right]) { right -= 1 }
                if left <= right {
                    entries.swapAt(left, right)
                    left += 1
                    right -= 1
                }
            }
            if count - 1 <= right { high = right } else if count - 1 >= left { low = left } else { return }
        }
    }
}
