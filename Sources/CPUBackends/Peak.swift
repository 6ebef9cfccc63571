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
    /// Measures the arithmetic peak of this backend's instruction set and the memory's read rate, in about a second.
    /// Other work on the machine makes the figures smaller, so each is the best of several tries.
    /// - Throws: `TensorError` when there are no 512 MiB to read.
    public func measurePeak() throws -> MachinePeak {
        MachinePeak(
            singleThreadOperationsPerSecond: multiplyAddRate(Workers(count: 1)),
            operationsPerSecond: multiplyAddRate(workers), readBytesPerSecond: try readRate())
    }

    private static let tries = 10

    private func multiplyAddRate(_ workers: Workers) -> Double {
        let table = kernels
        let run: @Sendable () -> Int = {
            withUnsafeTemporaryAllocation(of: Float.self, capacity: KernelTable.chainValueCount) { values in
                values.initialize(repeating: 1)
                // Some milliseconds.
                return values.baseAddress.map { table.multiplyAddChains($0, 500_000) } ?? 0
            }
        }
        // Several tasks a thread, so that a thread that starts late delays nobody.
        let taskCount = 8 * workers.count
        return Self.bestRate(amount: run() * taskCount) {
            workers.run(taskCount) { _, _ in _ = run() }
        }
    }

    private func readRate() throws -> Double {
        let (taskCount, taskFloats) = (256, 1 << 19)
        let storage = try pool.allocate(byteCount: 4 * taskCount * taskFloats)
        let floats = SharedPointer(storage.address.assumingMemoryBound(to: Float.self))
        workers.run(taskCount) { task, _ in (floats + task * taskFloats).update(repeating: 1, count: taskFloats) }
        let table = kernels
        return Self.bestRate(amount: storage.byteCount) {
            workers.run(taskCount) { task, _ in _ = table.sumOfAll(floats + task * taskFloats, taskFloats) }
        }
    }

    private static func bestRate(amount: Int, _ body: () -> Void) -> Double {
        let clock = ContinuousClock()
        let shortest = (0..<tries).map { _ in clock.measure(body) }.min() ?? .zero
        return Double(amount) / (shortest / .seconds(1))
    }
}
