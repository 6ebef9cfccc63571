import CPUBackends
import Dispatch
import Glibc
import Synchronization
import Testing

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

    @Test func shrinkingRangesCoverAllOnce() {
        for workers in [Workers(count: 1), Workers(count: 3)] {
            for (count, least) in [(0, 1), (1, 1), (5, 9), (64, 1), (1000, 1), (1000, 7)] {
                let counts = (0..<count).map { _ in Counter() }
                let short = Counter()
                workers.run(shrinkingRangesOf: count, least: least) { range, _ in
                    if range.count < least, range.upperBound < count { short.add() }
                    for index in range { counts[index].add() }
                }
                #expect(counts.allSatisfy { $0.value == 1 })
                #expect(short.value == 0)
            }
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
