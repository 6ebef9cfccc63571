import SIMDKernelTable
import TensorEngine

/// How a CPU backend is set up.
public struct CPUOptions: Sendable {
    /// Threads that work at the same time; all cores by default.
    public var threadCount: Int
    /// The instruction set; the best that the processor has by default.
    public var instructionSet: Processor.InstructionSet?
    /// Guard bytes after every result, for tests.
    public var guardByteCount: Int
    /// Whether `amx` and `avxvnni` are to be used even where the processor lacks them, beside AVX2, for tests that
    /// emulate their instructions.
    package var emulatesInstructions = false

    public init(
        threadCount: Int? = nil, instructionSet: Processor.InstructionSet? = nil, guardByteCount: Int = 0
    ) {
        self.threadCount = max(1, threadCount ?? Processor.current.coreCount)
        self.instructionSet = instructionSet
        self.guardByteCount = guardByteCount
    }
}

/// A backend of the CPU family. Its members differ by their matrix product alone.
///
/// Every operation is done when its call returns, so there is nothing to wait for.
public final class CPUBackend: Backend {
    public let device: Device
    public let pool: StoragePool
    public let counters = Counters()
    public let instructionSet: Processor.InstructionSet
    public let threadCount: Int

    let kernels: KernelTable
    let workers: Workers
    let multiplier: any MatrixMultiplier
    /// The family's, for what `multiplier` can't read.
    let ownMultiplier: SIMDMultiplier

    /// - Throws: `TensorError` when the processor lacks the instruction set that was asked for.
    init(
        device: Device, options: CPUOptions, multiplier: (SIMDMultiplier, Counters) throws -> any MatrixMultiplier
    ) throws {
        let set = try options.instructionSet ?? Self.defaultInstructionSet(device)
        // The set itself first: asking whether tiles are there asks the system for them.
        guard
            Processor.current.supports(set)
                || (set == .amx || set == .avxvnni) && options.emulatesInstructions && Processor.current.supports(.avx2)
        else {
            throw TensorError(
                .deviceUnavailable, operation: "open", Processor.current.reasonAgainst(set), device: device,
                remedy: "it has \(Processor.current.instructionSets.map(\.rawValue).joined(separator: ", "))")
        }
        self.device = device
        instructionSet = set
        threadCount = options.threadCount
        pool = StoragePool(allocator: HostAllocator(), device: device, guardByteCount: options.guardByteCount)
        kernels = Processor.kernels(for: set)
        workers = Workers(count: options.threadCount)
        ownMultiplier = SIMDMultiplier(kernels: kernels, workers: workers)
        self.multiplier = try multiplier(ownMultiplier, counters)
    }

    public var summary: String {
        "\(multiplier.name)\(kernels.name), \(threadCount) thread\(threadCount == 1 ? "" : "s"), \(Processor.current.name)"
    }

    /// 8 MB a thread. From 4 MB on to no tiles at all the front-end of XLS-R takes the same processor time within noise
    /// (Zen 3, 16 MB of third-level cache a thread), but a minute takes 0.12 GB of memory in place of 0.87.
    public var tileByteCount: Int { threadCount << 23 }

    /// Tiles and dot products take activations of the weights' type only, or both as integers of 16 bits, which cost no
    /// more than float16.
    public func activationType(forWeights dtype: DType) -> DType {
        if kernels.shortTypes.contains(PanelType(dtype)) { return .float16 }
        return kernels.roundsActivations(to: PanelType(dtype)) ? dtype : .float32
    }

    /// Where tiles take bfloat16, half as many bytes of activations pass through the caches.
    public func inputType(forWeights dtype: DType) -> DType {
        kernels.tiles != nil && dtype == .bfloat16 ? .bfloat16 : .float32
    }

    public func upload(_ bytes: UnsafeRawBufferPointer, into storage: Storage) throws {
        precondition(bytes.count <= storage.byteCount)
        guard let source = bytes.baseAddress else { return }
        storage.address.copyMemory(from: source, byteCount: bytes.count)
    }

    public func download(_ storage: Storage, into bytes: UnsafeMutableRawBufferPointer) throws {
        precondition(bytes.count <= storage.byteCount)
        bytes.baseAddress?.copyMemory(from: storage.address, byteCount: bytes.count)
    }

    public func hostAddress(of storage: Storage) -> UnsafeMutableRawPointer? { storage.address }
    public func synchronize() throws {}

    /// Memory for one piece of work: `count` floats for each of some workers.
    func scratch(count: Int, workers: Int = 1) throws -> Scratch {
        let padded = (count + 15) / 16 * 16
        return Scratch(storage: try pool.allocate(byteCount: 4 * padded * max(1, workers)), count: padded)
    }
}

/// Scratch memory of several workers, side by side.
struct Scratch: Sendable {
    let storage: Storage
    let count: Int

    subscript(worker: Int) -> UnsafeMutablePointer<Float> {
        storage.address.assumingMemoryBound(to: Float.self) + worker * count
    }
}
