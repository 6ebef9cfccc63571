import Synchronization

/// Tells work on threads of our own, which belong to no task, to stop.
final class CancellationFlag: Sendable {
    /// What work on this thread listens to beside its task.
    @TaskLocal static var current: CancellationFlag?

    private let isRaised = Atomic(false)

    func raise() { isRaised.store(true, ordering: .relaxed) }

    /// - Throws: `CancellationError` when the task or the current flag says so.
    static func check() throws {
        try Task.checkCancellation()
        if current?.isRaised.load(ordering: .relaxed) == true { throw CancellationError() }
    }
}
