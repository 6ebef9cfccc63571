import CPUShim
import Dispatch
import Glibc
import Synchronization

/// Threads that stay and look out for work: a forward pass is a thousand pieces of some microseconds, and to wake a
/// thread takes as long as one of them. A thread that has seen nothing new for a while sleeps.
final class ThreadTeam: Sendable {
    enum Outcome {
        case done
        /// It has work already; nothing was done.
        case busy
        /// No threads could be had; nothing was done.
        case withoutThreads
    }

    private let core: Core

    /// - Parameter memberCount: threads besides the one that brings the work. They start with the first.
    init(memberCount: Int) {
        core = Core(memberCount: memberCount)
    }

    deinit { core.end() }

    /// Calls `body` once in the calling thread, with 0, and once in each of at most `helperCount` members.
    func run(helpers helperCount: Int, _ body: @Sendable (_ worker: Int) -> Void) -> Outcome {
        core.run(helpers: helperCount, body)
    }
}

/// What the threads hold on to, so that the team itself can end.
///
/// `@unchecked Sendable`: `job` and `startedCount` belong to who holds `isTaken`; members read `job` after they have
/// seen its round and before their step of `pending`, for which its writer waits.
private final class Core: @unchecked Sendable {
    /// Looks, of 15 to 50 ns each, before a thread sleeps: longer than the pauses between a pass's operations.
    private static let lookCount = 3000

    /// One a member.
    private let sleepers: [Sleeper]
    private var startedCount = 0
    private let isTaken = Atomic(false)
    /// A number that no two rounds on end share, times 2¹⁶, and how many members are wanted; -1 is the end.
    private let round = Atomic(0)
    /// Members that haven't finished this round.
    private let pending = Atomic(0)
    private let caller = Sleeper()
    private var job: (@Sendable (_ worker: Int) -> Void)?

    init(memberCount: Int) {
        sleepers = (0..<min(memberCount, 0xFFFF)).map { _ in Sleeper() }
    }

    func run(helpers wanted: Int, _ body: @Sendable (_ worker: Int) -> Void) -> ThreadTeam.Outcome {
        guard !isTaken.exchange(true, ordering: .acquiring) else { return .busy }
        defer { isTaken.store(false, ordering: .releasing) }
        startMembers()
        let helpers = min(wanted, startedCount)
        guard helpers > 0 else { return .withoutThreads }
        withoutActuallyEscaping(body) { body in
            job = body
            pending.store(helpers, ordering: .relaxed)
            let next = ((round.load(ordering: .relaxed) >> 16) + 1) & 0xFFFF_FFFF
            round.store(next << 16 | helpers, ordering: .sequentiallyConsistent)
            for sleeper in sleepers.prefix(helpers) { sleeper.wake() }
            body(0)
            caller.sleep(after: Self.lookCount) { pending.load(ordering: .sequentiallyConsistent) == 0 }
            job = nil
        }
        return .done
    }

    func end() {
        round.store(-1, ordering: .sequentiallyConsistent)
        for sleeper in sleepers { sleeper.wake() }
    }

    /// As many as the system gives; those that it doesn't are asked for again the next time.
    private func startMembers() {
        while startedCount < sleepers.count {
            let index = startedCount
            guard Thread({ [self] in lookOut(index) }).start() else { return }
            startedCount += 1
        }
    }

    private func lookOut(_ index: Int) {
        var seen = 0
        while true {
            sleepers[index].sleep(after: Self.lookCount) { round.load(ordering: .sequentiallyConsistent) != seen }
            seen = round.load(ordering: .acquiring)
            guard seen >= 0 else { return }
            guard index < seen & 0xFFFF else { continue }
            perform(index + 1)
            if pending.subtract(1, ordering: .sequentiallyConsistent).newValue == 0 { caller.wake() }
        }
    }

    /// A call of its own, so that no member holds the job any more when it says that it is done.
    @inline(never) private func perform(_ worker: Int) { job?(worker) }
}

/// Lets one thread wait for what others bring about, at first awake.
private final class Sleeper: Sendable {
    /// Who turns it off owes a signal.
    private let isAsleep = Atomic(false)
    private let signal = DispatchSemaphore(value: 0)

    /// Returns once `isReady`. What makes it so must be followed by `wake`.
    func sleep(after lookCount: Int, until isReady: () -> Bool) {
        for _ in 0..<lookCount {
            if isReady() { return }
            xlsr_pause()
        }
        while true {
            isAsleep.store(true, ordering: .sequentiallyConsistent)
            // Ready after all: unless somebody has seen us asleep, nobody signals.
            if isReady(), isAsleep.exchange(false, ordering: .sequentiallyConsistent) { return }
            signal.wait()
            // The signal may be one of a wake-up that we didn't need.
            if isReady() { return }
        }
    }

    func wake() {
        if isAsleep.exchange(false, ordering: .sequentiallyConsistent) { signal.signal() }
    }
}

/// A thread that ends with its body.
private final class Thread: Sendable {
    private let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) {
        self.body = body
    }

    /// - Returns: false when the system gives no thread.
    func start() -> Bool {
        let context = Unmanaged.passRetained(self)
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<Thread>.fromOpaque(context).takeRetainedValue().body()
                return nil
            }, context.toOpaque())
        guard status == 0 else {
            context.release()
            return false
        }
        pthread_detach(thread)
        return true
    }
}
