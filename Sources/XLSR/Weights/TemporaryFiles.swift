import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The temporary files that are open now, kept so that a signal handler can remove them.
package final class TemporaryFiles: Sendable {
    package static let ofProcess = TemporaryFiles()

    /// Addresses of C strings; 0 is free. Who takes an address out owns the string, so that a handler that runs while
    /// another thread forgets a path never reads freed memory. A process writes few files at a time; what finds no
    /// slot is still removed by its owner.
    private let slots = InlineArray<64, Atomic<UInt>> { _ in Atomic(0) }

    package init() {}

    /// - Returns: a slot for `forget`, or nil when all are taken.
    func remember(_ path: String) -> Int? {
        guard let copy = strdup(path) else { return nil }
        for slot in slots.indices {
            let outcome = slots[slot].compareExchange(
                expected: 0, desired: UInt(bitPattern: copy), ordering: .acquiringAndReleasing)
            if outcome.exchanged { return slot }
        }
        free(copy)
        return nil
    }

    func forget(_ slot: Int?) {
        if let slot { free(take(slot)) }
    }

    /// Removes all of them. Safe in a signal handler, once it has been called outside of one.
    package func removeAll() {
        for slot in slots.indices {
            if let path = take(slot) { unlink(path) }
        }
    }

    private func take(_ slot: Int) -> UnsafeMutablePointer<CChar>? {
        UnsafeMutablePointer(bitPattern: slots[slot].exchange(0, ordering: .acquiringAndReleasing))
    }
}
