import Dispatch
import Synchronization

/// Runs independent tasks on several threads, each thread taking the next task when it is done with one.
package struct Workers: Sendable {
    package let count: Int
    private let team: ThreadTeam?

    package init(count: Int) {
        self.count = count
        team = count > 1 ? ThreadTeam(memberCount: count - 1) : nil
    }

    /// Calls `body(task, worker)` for every task; a worker runs one task at a time, so it can own scratch memory.
    package func run(_ taskCount: Int, _ body: @Sendable (_ task: Int, _ worker: Int) -> Void) {
        let workers = min(count, taskCount)
        guard workers > 1, let team else {
            for task in 0..<taskCount { body(task, 0) }
            return
        }
        let next = Atomic(0)
        @Sendable func takeTasks(_ worker: Int) {
            while true {
                let task = next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard task < taskCount else { return }
                body(task, worker)
            }
        }
        switch team.run(helpers: workers - 1, takeTasks) {
        case .done: break
        case .busy: DispatchQueue.concurrentPerform(iterations: workers, execute: takeTasks)
        case .withoutThreads: takeTasks(0)
        }
    }

    /// Hands out `0 ..< count` in ranges that shrink towards the end, to `least` and no further: long streams for
    /// memory, and yet all workers end together.
    package func run(
        shrinkingRangesOf count: Int, least: Int, _ body: @Sendable (_ range: Range<Int>, _ worker: Int) -> Void
    ) {
        let next = Atomic(0)
        run(min(self.count, (count + least - 1) / least)) { _, worker in
            while true {
                let first = next.load(ordering: .relaxed)
                guard first < count else { return }
                let end = min(count, first + max(least, (count - first) / (2 * self.count)))
                if next.compareExchange(expected: first, desired: end, ordering: .relaxed).exchanged {
                    body(first..<end, worker)
                }
            }
        }
    }

    /// Splits `0 ..< count` into ranges of about equal size, at least `grain` long.
    package func run(over count: Int, grain: Int, _ body: @Sendable (Range<Int>) -> Void) {
        let parts = max(1, min((count + grain - 1) / max(1, grain), self.count * 4))
        run(parts) { part, _ in
            body(count * part / parts..<count * (part + 1) / parts)
        }
    }
}
