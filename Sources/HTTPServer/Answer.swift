import Dispatch
import Synchronization

/// Whether a client has gone away while its request was answered.
public final class Abandonment: Sendable {
    private struct State {
        var hasHappened = false
        var action: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())

    var hasHappened: Bool { state.withLock(\.hasHappened) }

    /// Has something done when the client goes, at once if it has gone already.
    public func whenHappened(_ action: @escaping @Sendable () -> Void) {
        let hasHappened = state.withLock { state in
            state.action = action
            return state.hasHappened
        }
        if hasHappened { action() }
    }

    func happen() {
        let action = state.withLock { state in
            defer { state.hasHappened = true }
            return state.hasHappened ? nil : state.action
        }
        action?()
    }
}

/// A response that another thread makes.
final class Answer: Sendable {
    private let result = Mutex<HTTPResponse?>(nil)
    private let isThere = DispatchSemaphore(value: 0)

    var response: HTTPResponse? { result.withLock(\.self) }

    func come(_ response: HTTPResponse) {
        result.withLock { $0 = response }
        isThere.signal()
    }

    /// - Returns: whether it came in that time.
    func wait(milliseconds: Int) -> Bool { isThere.wait(timeout: .now() + .milliseconds(milliseconds)) == .success }
}
