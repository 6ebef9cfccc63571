import CPUBackends
import Dispatch
import Synchronization
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

@Suite struct WorkersTests {
    @Test func everyTaskRunsOnceWithItsOwnWorker() {
        let workers = Workers(count: 4)
        for round in 0..<3000 {
            let taskCount = round % 13
            // Pauses of all lengths, so that threads are met awake, asleep and in between.
            if round % 50 == 0 { usleep(UInt32(round % 700)) }
            let counts = (0..<16).map { _ in Counter() }
            let busy = (0..<4).map { _ in Counter() }
            let collisions = Counter()
            workers.run(taskCount) { task, worker in
                if busy[worker].add() != 1 { collisions.add() }
                counts[task].add()
                busy[worker].subtract()
            }
            #expect(counts.map(\.value) == (0..<16).map { $0 < taskCount ? 1 : 0 })
            #expect(collisions.value == 0)
        }
    }

    @Test func callersAtTheSameTimeAllGetTheirTasksDone() {
        let workers = Workers(count: 3)
        let counter = Counter()
        DispatchQueue.concurrentPerform(iterations: 8) { _ in
            for _ in 0..<500 { workers.run(5) { _, _ in counter.add() } }
        }
        #expect(counter.value == 8 * 500 * 5)
    }

    @Test func tasksMayBringTasksOfTheirOwn() {
        let workers = Workers(count: 3)
        let counter = Counter()
        workers.run(6) { _, _ in workers.run(7) { _, _ in counter.add() } }
        #expect(counter.value == 42)
    }
}

private final class Counter: Sendable {
    private let count = Atomic(0)

    var value: Int { count.load(ordering: .sequentiallyConsistent) }

    @discardableResult func add() -> Int { count.add(1, ordering: .sequentiallyConsistent).newValue }

    func subtract() { count.subtract(1, ordering: .sequentiallyConsistent) }
}
