import Dispatch
import Synchronization

/// Tells work on threads of our own, which belong to no task, to stop.
package final class CancellationFlag: Sendable {
    /// What work on this thread listens to beside its task.
    @TaskLocal package static var current: CancellationFlag?

    /// How often those look who wait for something that a cancelled task doesn't bring about.
    static let checkMilliseconds = 50

    private let isRaised = Atomic(false)

    package init() {}

    /// Works on a thread of its own, since Swift's are few and not for waiting, until the flag is raised.
    func run<Value>(
        _ body: @escaping @Sendable () throws -> Value, ended: @escaping @Sendable (Result<Value, any Error>) -> Void
    ) {
        DispatchQueue(label: "work").async {
            ended(Result { try Self.$current.withValue(self, operation: body) })
        }
    }

    package func raise() { isRaised.store(true, ordering: .relaxed) }

    /// - Throws: `CancellationError` when the task or the current flag says so.
    package static func check() throws {
        try Task.checkCancellation()
        if current?.isRaised.load(ordering: .relaxed) == true { throw CancellationError() }
    }
}
