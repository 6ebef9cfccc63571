import Dispatch
import Synchronization

/// Lets threads feed one device in turn: who waits for the device's results hands the turn on, so that the next one's
/// work is queued by then. Without turns all would queue together, wait together, and leave the device idle together.
package final class DeviceTurn: Sendable {
    /// The turn that this thread has.
    @TaskLocal private static var current: Ticket?

    private final class Ticket: Sendable {
        private let isHeld = Mutex(true)
        private let turn: DeviceTurn

        init(_ turn: DeviceTurn) {
            self.turn = turn
        }

        func giveBack() {
            let wasHeld = isHeld.withLock { isHeld in
                defer { isHeld = false }
                return isHeld
            }
            if wasHeld { turn.isFree.signal() }
        }
    }

    private let isFree = DispatchSemaphore(value: 1)

    package init() {}

    /// Waits for the turn and has it until the body ends or waits for the device.
    package func whileHeld<Result>(_ body: () throws -> Result) rethrows -> Result {
        isFree.wait()
        let ticket = Ticket(self)
        defer { ticket.giveBack() }
        return try Self.$current.withValue(ticket) { try body() }
    }

    /// The host is about to wait for results.
    static func giveBack() { current?.giveBack() }
}
