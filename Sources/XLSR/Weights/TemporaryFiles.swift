import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The temporary files that are open now, kept so that a signal handler can remove them.
package enum TemporaryFiles {
    /// Addresses of C strings; 0 is free. Who takes an address out owns the string, so that a handler that runs while
    /// another thread forgets a path never reads freed memory.
    private static let slots = Slots()

    private struct Slots: ~Copyable, Sendable {
        // A process writes few files at a time; what finds no slot is still removed by its owner.
        let paths = InlineArray<64, Atomic<UInt>> { _ in Atomic(0) }
    }

    /// - Returns: a slot for `forget`, or nil when all are taken.
    static func remember(_ path: String) -> Int? {
        guard let copy = strdup(path) else { return nil }
        for slot in 0..<64 {
            let address = UInt(bitPattern: copy)
            if slots.paths[slot].compareExchange(expected: 0, desired: address, ordering: .acquiringAndReleasing).exchanged {
                return slot
            }
        }
        free(copy)
        return nil
    }

    static func forget(_ slot: Int?) {
        if let slot { free(take(slot)) }
    }

    /// Removes all of them. Safe in a signal handler, once it has been called outside of one.
    package static func removeAll() {
        for slot in 0..<64 {
            if let path = take(slot) { unlink(path) }
        }
    }

    private static func take(_ slot: Int) -> UnsafeMutablePointer<CChar>? {
        UnsafeMutablePointer(bitPattern: slots.paths[slot].exchange(0, ordering: .acquiringAndReleasing))
    }
}
