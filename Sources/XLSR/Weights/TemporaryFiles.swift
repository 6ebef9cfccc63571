import Glibc
import Synchronization

/// Files and folders that aren't finished yet, kept so that a signal handler can remove them.
package final class TemporaryFiles: Sendable {
    package static let ofProcess = TemporaryFiles()

    /// Addresses of C strings; 0 is free. Who takes an address out owns the string, so that a handler that runs while
    /// another thread forgets a path never reads freed memory. What finds no slot is still removed by
    /// its owner.
    private let slots = InlineArray<2048, Atomic<UInt>> { _ in Atomic(0) }

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

    /// Removes all of them, the latest first: what is in a folder before the folder, which stays where others have put
    /// something there. Safe in a signal handler, once it has been called outside of one.
    package func removeAll() {
        for slot in slots.indices.reversed() {
            if let path = take(slot), unlink(path) != 0 { rmdir(path) }
        }
    }

    private func take(_ slot: Int) -> UnsafeMutablePointer<CChar>? {
        UnsafeMutablePointer(bitPattern: slots[slot].exchange(0, ordering: .acquiringAndReleasing))
    }
}
