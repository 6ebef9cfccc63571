import Synchronization
import TensorEngine

/// A backend of the GPU family: OpenCL and CUDA. Its members differ by their driver alone.
///
/// A call enqueues its kernels and returns; reading waits. The kernels that portable text can't make fast on both are
/// there in two shapes, chosen by what the device is: `KernelShape`.
public final class GPUBackend: Backend {
    public let device: Device
    public let pool: StoragePool
    public let counters = Counters()

    let driver: any GPUDriver
    let shape: KernelShape
    /// Tables that kernels read, such as where each utterance lies; every layer asks for the same ones.
    private let tables = Mutex(RecentTables())

    /// - Parameters:
    ///   - guardByteCount: bytes after every storage that are checked when it comes back; for tests.
    ///   - kernelShape: "tiled" or "wide"; what suits the device by default.
    ///   - usesTensorCores: as in `KernelShape`.
    /// - Throws: `TensorError` when no shape has that name.
    package init(
        driver: any GPUDriver, guardByteCount: Int = 0, kernelShape: String? = nil, usesTensorCores: Bool? = nil
    ) throws {
        self.driver = driver
        let name = kernelShape ?? ""
        let family = KernelShape.Family(rawValue: name)
        guard family != nil || name.isEmpty else {
            throw TensorError(
                .invalidArgument, operation: "open", "no kernel shape is called '\(name)'", device: driver.device,
                remedy: "use \(KernelShape.Family.allCases.map(\.rawValue).joined(separator: " or "))")
        }
        shape = KernelShape(driver.properties, family: family, usesTensorCores: usesTensorCores)
        device = driver.device
        pool = StoragePool(allocator: driver, device: driver.device, guardByteCount: guardByteCount)
    }

    public var summary: String {
        let properties = driver.properties
        return "\(properties.name), \(properties.computeUnitCount) compute units, \(properties.platform)"
    }

    /// As on a CPU for a processor. A GPU gets tiles of 40 s of audio, for launches that fill it.
    public var tileByteCount: Int {
        if case .cpu = driver.properties.kind { return driver.properties.computeUnitCount << 23 }
        return 256 << 20
    }

    /// Drivers of processors make the host wait for small uploads, so there a second batch would only wait as well.
    public var batchesUnderWay: Int { driver.properties.kind == .gpu ? 2 : 1 }

    public var roundsFactors: Bool { shape.usesTensorCores }

    public func upload(_ bytes: UnsafeRawBufferPointer, into storage: Storage) throws {
        guard !bytes.isEmpty else { return }
        try withRetry { try driver.upload(bytes, to: storage.address) }
    }

    public func download(_ storage: Storage, into bytes: UnsafeMutableRawBufferPointer) throws {
        guard !bytes.isEmpty else { return }
        try driver.download(storage.address, into: bytes)
    }

    public func synchronize() throws { try driver.synchronize() }
}

extension GPUBackend {
    /// Enqueues a kernel; none if a size is zero.
    func launch(
        _ program: GPUProgram, _ name: String, groups: (x: Int, y: Int, z: Int), threads: Int = 1,
        _ arguments: [KernelArgument]
    ) throws {
        guard groups.x > 0, groups.y > 0, groups.z > 0 else { return }
        let kernel = GPUKernel(program: program, name: name)
        try withRetry {
            try driver.launch(kernel, LaunchSize(groups: groups, threads: (threads, 1, 1)), arguments)
        }
    }

    /// Some drivers find out that there is no memory left only when work needs it: cached blocks may be what is missing.
    private func withRetry(_ body: () throws -> Void) throws {
        do {
            try body()
        } catch let error as TensorError where error.kind == .outOfMemory {
            try driver.synchronize()
            pool.trim()
            try body()
        }
    }

    /// Numbers in device memory that stay there as long as they are asked for now and then.
    func table(_ key: TableKey, _ make: () -> [Int32]) throws -> Storage {
        if let storage = tables.withLock({ $0[key] }) { return storage }
        let numbers = make()
        let storage = try pool.allocate(byteCount: max(1, numbers.count) * MemoryLayout<Int32>.size)
        try numbers.withUnsafeBytes { try upload($0, into: storage) }
        tables.withLock { $0[key] = storage }
        return storage
    }

    func scratch(floats: Int) throws -> Storage {
        try pool.allocate(byteCount: max(1, floats) * MemoryLayout<Float>.size)
    }
}

/// What a table was made for.
enum TableKey: Hashable {
    case attentionParts(Segments, queries: Int)
    case packedSegments(Segments)
    case gappedRows(Segments, kernel: Int)
    case gappedStarts(Segments, rows: Int, kernel: Int)
    case normParts(Segments)
    case normRanges(Segments)
}

/// The tables that were used last.
private struct RecentTables {
    private static let capacity = 24
    private var tables: [(key: TableKey, storage: Storage)] = []

    subscript(key: TableKey) -> Storage? {
        mutating get {
            guard let index = tables.firstIndex(where: { $0.key == key }) else { return nil }
            tables.append(tables.remove(at: index))
            return tables.last?.storage
        }
        set {
            tables.removeAll { $0.key == key }
            if let newValue { tables.append((key, newValue)) }
            if tables.count > Self.capacity { tables.removeFirst() }
        }
    }
}

extension KernelArgument {
    static func buffer(_ tensor: Tensor?) -> KernelArgument { .buffer(tensor?.storage) }
    static func int(_ value: Int) -> KernelArgument { .int(Int32(truncatingIfNeeded: value)) }
    static func long(_ value: Int) -> KernelArgument { .long(Int64(value)) }
}
