import SIMDKernelTable
import TensorEngine

/// The best that a machine was measured to do, by loops that do nothing else.
public struct MachinePeak: Codable, Sendable {
    /// Float32 operations a second by multiply-adds in registers: one thread, and all threads of the backend.
    public let singleThreadOperationsPerSecond: Double
    public let operationsPerSecond: Double
    /// Bytes a second read from main memory, by all threads.
    public let readBytesPerSecond: Double
}

extension CPUBackend {
    /// Measures the arithmetic peak of this backend's instruction set and the memory's read rate, in two seconds.
    /// Other work on the machine makes the figures smaller, so each is the best of many short tries.
    /// - Throws: `TensorError` when there are no 512 MiB to read.
    public func measurePeak() throws -> MachinePeak {
        MachinePeak(
            singleThreadOperationsPerSecond: multiplyAddRate(Workers(count: 1)),
            operationsPerSecond: multiplyAddRate(workers), readBytesPerSecond: try readRate())
    }

    private func multiplyAddRate(_ workers: Workers) -> Double {
        let table = kernels
        let run: @Sendable () -> Int = {
            withUnsafeTemporaryAllocation(of: Float.self, capacity: KernelTable.chainValueCount) { values in
                values.initialize(repeating: 1)
                // Half a millisecond: less than a scheduler's time slice.
                return values.baseAddress.map { table.multiplyAddChains($0, 125_000) } ?? 0
            }
        }
        let operations = run()
        // Short tries fit between other programs' time slices; long ones give every thread the time to start.
        return Self.bestRate { attempt in
            let taskCount = workers.count << (2 + 2 * (attempt % 3))
            workers.run(taskCount) { _, _ in _ = run() }
            return operations * taskCount
        }
    }

    private func readRate() throws -> Double {
        let (taskCount, taskFloats) = (256, 1 << 19)
        let storage = try pool.allocate(byteCount: 4 * taskCount * taskFloats)
        let floats = SharedPointer(storage.address.assumingMemoryBound(to: Float.self))
        workers.run(taskCount) { task, _ in (floats + task * taskFloats).update(repeating: 1, count: taskFloats) }
        let table = kernels
        return Self.bestRate { _ in
            workers.run(taskCount) { task, _ in _ = table.sumOfAll(floats + task * taskFloats, taskFloats) }
            return 4 * taskCount * taskFloats
        }
    }

    /// - Parameter body: does an amount of work and says how much.
    private static func bestRate(_ body: (_ attempt: Int) -> Int) -> Double {
        let clock = ContinuousClock()
        let end = clock.now + .milliseconds(700)
        var (best, attempt) = (0.0, 0)
        repeat {
            let start = clock.now
            let amount = body(attempt)
            best = max(best, Double(amount) / (start.duration(to: clock.now) / .seconds(1)))
            attempt += 1
        } while clock.now < end
        return best
    }
}
