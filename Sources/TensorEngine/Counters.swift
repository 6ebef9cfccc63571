import Synchronization

/// Counts of the work that a backend did, by kind.
public final class Counters: Sendable {
    public enum Kind: String, Sendable, CaseIterable {
        /// Matrix products of any sort: a linear layer, a convolution, one grouped convolution.
        case products
        /// Calls into a vendor's product routine.
        case libraryProducts
        case attentions
        /// Fused operations that ran as their default body.
        case defaultBodies
    }

    private let counts = Mutex<[Kind: Int]>([:])

    public init() {}

    public subscript(kind: Kind) -> Int { counts.withLock { $0[kind] ?? 0 } }

    public func add(_ kind: Kind, _ count: Int = 1) {
        counts.withLock { $0[kind, default: 0] += count }
    }

    public func reset() {
        counts.withLock { $0 = [:] }
    }
}
