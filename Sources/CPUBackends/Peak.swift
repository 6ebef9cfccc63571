import SIMDKernelTable
import TensorEngine

/// The best that a machine was measured to do, by loops that do nothing else.
public struct MachinePeak: Codable, Sendable {
    /// Float32 operations a second by multiply-adds in registers: one thread, and all threads of the backend.
    public let singleThreadOperationsPerSecond: Double
    public let operationsPerSecond: Double
    /// Bytes a second read from main memory, by all threads.
    public let readBytesPerSecond: Double
    /// The same with bf16 and int8, by all threads, where products of such weights have instructions of their own, and
    /// with f32 by tiles of its parts.
    public let narrowOperationsPerSecond: [String: Double]

    /// What a product with weights of that type can reach.
    public func operationsPerSecond(forWeights type: DType) -> Double {
        narrowOperationsPerSecond[type.rawValue] ?? operationsPerSecond
    }
}

extension CPUBackend {
    /// Measures the arithmetic peak of this backend's instruction set and the memory's read rate. Other work on the
    /// machine makes the figures smaller, so each is the best of many short tries.
    /// - Parameter seconds: for each of three to six figures; one try at least.
    /// - Throws: `TensorError` when there are no 512 MiB to read.
    public func measurePeak(seconds: Double = 0.7) throws -> MachinePeak {
        let kernels = kernels
        var narrow: [String: Double] = [:]
        for type in [DType.float32, .bfloat16, .float16, .int8] {
            guard let chains = kernels.chains(PanelType(type)) else { continue }
            // A tile's products take some sixteen times those of a vector.
            let iterations = kernels.tiles == nil ? 125_000 : 20_000
            narrow[type.rawValue] = rate(workers, seconds) { chains(PanelType(type), $0, iterations) }
        }
        let multiplyAdds: @Sendable (UnsafeMutablePointer<Float>) -> Int = { kernels.multiplyAddChains($0, 125_000) }
        return MachinePeak(
            singleThreadOperationsPerSecond: rate(Workers(count: 1), seconds, multiplyAdds),
            operationsPerSecond: rate(workers, seconds, multiplyAdds),
            readBytesPerSecond: try MemoryReads(self).rates(seconds: seconds).max() ?? 0,
            narrowOperationsPerSecond: narrow)
    }

    /// - Parameter chains: half a millisecond of work, less than a scheduler's time slice; returns how many operations
    ///   that is.
    private func rate(
        _ workers: Workers, _ seconds: Double, _ chains: @escaping @Sendable (UnsafeMutablePointer<Float>) -> Int
    ) -> Double {
        let run: @Sendable () -> Int = {
            withUnsafeTemporaryAllocation(of: Float.self, capacity: KernelTable.chainValueCount) { values in
                values.initialize(repeating: 1)
                return values.baseAddress.map(chains) ?? 0
            }
        }
        let operations = run()
        // Short tries fit between other programs' time slices; long ones give every thread the time to start.
        let rates = MachinePeak.rates(seconds: seconds) { attempt in
            let taskCount = workers.count << (2 + 2 * (attempt % 3))
            workers.run(taskCount) { _, _ in _ = run() }
            return operations * taskCount
        }
        return rates.max() ?? 0
    }
}

/// Reads main memory with all threads of a backend and does nothing else, as often as it is asked.
public struct MemoryReads {
    private let backend: CPUBackend
    private let storage: Storage
    /// Far more than the caches hold.
    private static let (taskCount, taskFloats) = (256, 1 << 19)

    /// - Throws: `TensorError` when there are no 512 MiB to read.
    public init(_ backend: CPUBackend) throws {
        self.backend = backend
        storage = try backend.pool.allocate(byteCount: 4 * Self.taskCount * Self.taskFloats)
        let floats = floats
        backend.workers.run(Self.taskCount) { task, _ in
            (floats + task * Self.taskFloats).update(repeating: 1, count: Self.taskFloats)
        }
    }

    private var floats: SharedPointer<Float> { SharedPointer(storage.address.assumingMemoryBound(to: Float.self)) }

    /// Bytes a second of each pass over the memory, in that many seconds and one pass at least.
    public func rates(seconds: Double) -> [Double] {
        let (floats, table) = (floats, backend.kernels)
        return MachinePeak.rates(seconds: seconds) { _ in
            backend.workers.run(Self.taskCount) { task, _ in
                _ = table.sumOfAll(floats + task * Self.taskFloats, Self.taskFloats)
            }
            return 4 * Self.taskCount * Self.taskFloats
        }
    }
}

extension MachinePeak {
    /// - Parameter body: does an amount of work and says how much.
    /// - Returns: how much a second of each try.
    fileprivate static func rates(seconds: Double, _ body: (_ attempt: Int) -> Int) -> [Double] {
        let clock = ContinuousClock()
        let end = clock.now + .seconds(seconds)
        var rates: [Double] = []
        repeat {
            let start = clock.now
            let amount = body(rates.count)
            rates.append(Double(amount) / (start.duration(to: clock.now) / .seconds(1)))
        } while clock.now < end
        return rates
    }
}
