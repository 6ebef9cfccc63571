import Synchronization

/// Tells work on threads of our own, which belong to no task, to stop.
final class CancellationFlag: Sendable {
    /// What work on this thread listens to beside its task.
    @TaskLocal static var current: CancellationFlag?

    /// How often those look who wait for something that a cancelled task doesn't bring about.
    static let checkMilliseconds = 50

    private let isRaised = Atomic(false)

    func raise() { isRaised.store(true, ordering: .relaxed) }

    /// - Throws: `CancellationError` when the task or the current flag says so.
    static func check() throws {
        try Task.checkCancellation()
        if current?.isRaised.load(ordering: .relaxed) == true { throw CancellationError() }
    }
}
