import Synchronization
import TensorEngine

/// A backend of the GPU family: OpenCL and CUDA. Its members differ by their driver alone.
///
/// A call enqueues its kernels and returns; reading waits. The kernels that portable text can't make fast on both are
/// there in two shapes, chosen by what the device is: `KernelShape`.
public final class GPUBackend: Backend {
    public let device: Device
    public let counters = Counters()

    let driver: any GPUDriver
    package let shape: KernelShape
    let mainPool: StoragePool
    /// nil where operations are always enqueued one by one.
    let graphs: GraphCache?
    private let tables = Mutex(RecentTables())

    /// On a thread that records, the graph's own.
    public var pool: StoragePool { capture?.pool ?? mainPool }
    /// What this thread records.
    var capture: GraphCapture? { graphs == nil ? nil : .current(of: self) }

    /// - Parameters:
    ///   - guardByteCount: bytes after every storage that are checked when it comes back; for tests.
    ///   - kernelShape: "tiled" or "wide"; what suits the device by default.
    ///   - usesTensorCores: as in `KernelShape`.
    ///   - usesGraphs: whether what is captured is recorded, by a driver that can; nil: unless `XLSR_GRAPHS=0`.
    /// - Throws: `TensorError` when no shape has that name.
    package init(
        driver: any GPUDriver, guardByteCount: Int = 0, kernelShape: String? = nil, usesTensorCores: Bool? = nil,
        usesGraphs: Bool? = nil
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
        let graphs =
            driver.recordsGraphs && usesGraphs ?? Self.graphsAreWanted
            ? GraphCache(largestByteCount: max(512 << 20, driver.properties.memoryByteCount / 8)) : nil
        self.graphs = graphs
        mainPool = StoragePool(
            allocator: driver, device: driver.device, guardByteCount: guardByteCount
        ) { graphs?.removeAll() }
    }

    deinit {
        // They hold blocks of the pool, which knows them.
        graphs?.removeAll()
    }

    /// `XLSR_GRAPHS=0` turns graphs off.
    package static var graphsAreWanted: Bool { HostSystem.variable("XLSR_GRAPHS") != "0" }

    public var summary: String {
        let properties = driver.properties
        return "\(properties.name), \(properties.computeUnitCount) compute units, \(properties.platform)"
            + (driver.productLibrary.map { ", products by \($0)" } ?? "")
            + (driver.productLibraryProblem.map { ", products by our own kernels, which are slower: \($0)" } ?? "")
    }

    public var usesTF32: Bool { driver.usesTF32 }

    /// As on a CPU for a processor. A GPU gets tiles of 40 s of audio, for launches that fill it.
    public var tileByteCount: Int {
        if case .cpu = driver.properties.kind { return driver.properties.computeUnitCount << 23 }
        return 256 << 20
    }

    /// Drivers of processors make the host wait for small uploads, so there a second batch would only wait as well.
    public var batchesUnderWay: Int { driver.properties.kind == .gpu ? 2 : 1 }

    /// Tensor cores take factors of one type; int8 is exact in bfloat16.
    public func activationType(forWeights dtype: DType) -> DType {
        switch dtype {
        case .float16, .bfloat16: shape.usesTensorCores || driver.productLibrary != nil ? dtype : .float32
        case .int8: shape.usesTensorCores ? .bfloat16 : .float32
        case .float32, .int32: .float32
        }
    }

    /// The library's factors have one type; our own kernels round float32 on the way.
    public func inputType(forWeights dtype: DType) -> DType {
        switch dtype {
        case .float16, .bfloat16: driver.productLibrary != nil ? dtype : .float32
        case .float32, .int8, .int32: .float32
        }
    }

    public func compileAhead(headSize: Int, precision: Precision) {
        driver.compileAhead(shape.likelyPrograms(headSize: headSize, precision: precision))
    }

    public func upload(_ bytes: UnsafeRawBufferPointer, into storage: Storage) throws {
        guard !bytes.isEmpty else { return }
        guard capture == nil else { throw TensorError(unrecordable: "a copy from the host", device: device) }
        try withRetry { try driver.upload(bytes, to: storage.address) }
    }

    public func download(_ storage: Storage, into bytes: UnsafeMutableRawBufferPointer) throws {
        guard !bytes.isEmpty else { return }
        guard capture == nil else { throw TensorError(unrecordable: "a copy to the host", device: device) }
        try driver.download(storage.address, into: bytes)
    }

    public func synchronize() throws {
        guard capture == nil else { throw TensorError(unrecordable: "waiting", device: device) }
        try driver.synchronize()
    }
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

    /// Some drivers find out that there is no memory left only when work needs it: cached blocks may be what is
    /// missing.
    private func withRetry(_ body: () throws -> Void) throws {
        do {
            try body()
        } catch let error as TensorError where error.kind == .outOfMemory && capture == nil {
            try driver.synchronize()
            pool.trim()
            try body()
        }
    }

    /// Numbers in device memory that stay there as long as they are asked for now and then.
    func table(_ kind: SegmentTable.Kind, of segments: Segments) throws -> Storage {
        let table = SegmentTable(segments: segments, kind: kind)
        if let capture { return try capture.storage(for: table, device: device) }
        if let storage = tables.withLock({ $0[table] }) { return storage }
        let numbers = table.numbers
        let storage = try pool.allocate(byteCount: max(1, numbers.count) * MemoryLayout<Int32>.size)
        try numbers.withUnsafeBytes { try upload($0, into: storage) }
        tables.withLock { $0[table] = storage }
        return storage
    }

    func scratch(floats: Int) throws -> Storage {
        try pool.allocate(byteCount: max(1, floats) * MemoryLayout<Float>.size)
    }
}

extension KernelArgument {
    static func buffer(_ tensor: Tensor?) -> KernelArgument { .buffer(tensor?.storage) }
    static func int(_ value: Int) -> KernelArgument { .int(Int32(truncatingIfNeeded: value)) }
    static func long(_ value: Int) -> KernelArgument { .long(Int64(value)) }
}
