import Synchronization

/// A piece of device memory. It goes back to its pool when nothing refers to it any more.
///
/// `@unchecked Sendable`: the address never changes, and the contents are written by the operation that the storage
/// was allocated for, before any other holder can see it. What writes on later does so where nobody reads: a
/// `KeyValueCache` behind the rows that it has given out, a recorded graph into inputs of its own.
public final class Storage: @unchecked Sendable {
    /// Where the bytes are: a host pointer on CPU devices, a device pointer or handle elsewhere.
    public let address: UnsafeMutableRawPointer
    public let byteCount: Int
    let blockByteCount: Int
    let pool: StoragePool

    init(address: UnsafeMutableRawPointer, byteCount: Int, blockByteCount: Int, pool: StoragePool) {
        self.address = address
        self.byteCount = byteCount
        self.blockByteCount = blockByteCount
        self.pool = pool
    }

    deinit {
        pool.recycle(self)
    }
}

/// Where a pool gets its blocks from.
public protocol BlockAllocator: Sendable {
    /// nil when there is no such piece left; throws when the device fails.
    func allocate(byteCount: Int) throws -> UnsafeMutableRawPointer?
    func free(_ address: UnsafeMutableRawPointer, byteCount: Int)
    /// Fills or reads guard bytes; a device whose memory the host can't reach does nothing and returns true.
    func writeGuard(at address: UnsafeMutableRawPointer, offset: Int, byteCount: Int)
    func checkGuard(at address: UnsafeMutableRawPointer, offset: Int, byteCount: Int) -> Bool
}

/// Memory that storages come from and return to: a forward pass asks for the same sizes over and over,
/// and a page that was touched before costs nothing to touch again.
public final class StoragePool: Sendable {
    /// What the pool did, in bytes and counts.
    public struct Statistics: Sendable {
        /// In use by living storages.
        public var usedByteCount = 0
        public var peakByteCount = 0
        /// Held for reuse.
        public var cachedByteCount = 0
        /// The most that was in use and held for reuse, which is what the device has given.
        public var peakHeldByteCount = 0
        /// Blocks that the allocator was asked for.
        public var blockCount = 0
        /// Storages whose guard bytes were overwritten.
        public var damagedGuardCount = 0
    }

    private struct State {
        var free: [Int: [UInt]] = [:]
        var statistics = Statistics()
        /// Of the last piece of work, as `prepare(forWorkOf:)` was told.
        var workSize: Double?
    }

    private let allocator: any BlockAllocator
    private let device: Device
    private let guardByteCount: Int
    private let releaseMore: @Sendable () -> Void
    private let state = Mutex(State())

    /// - Parameters:
    ///   - guardByteCount: bytes after every storage that are checked when it comes back; for tests.
    ///   - releaseMore: called when there is no memory left: gives up storages that can be made again.
    public init(
        allocator: any BlockAllocator, device: Device, guardByteCount: Int = 0,
        releaseMore: @escaping @Sendable () -> Void = {}
    ) {
        self.allocator = allocator
        self.device = device
        self.guardByteCount = guardByteCount
        self.releaseMore = releaseMore
    }

    deinit {
        trim()
    }

    public var statistics: Statistics { state.withLock(\.statistics) }

    /// Starts a new measurement of the peaks.
    public func resetPeak() {
        state.withLock { state in
            state.statistics.peakByteCount = state.statistics.usedByteCount
            state.statistics.peakHeldByteCount = state.statistics.usedByteCount + state.statistics.cachedByteCount
        }
    }

    /// A storage of uninitialised bytes.
    /// - Throws: `TensorError` of kind `outOfMemory`, after the cached blocks were given back and that did not help;
    ///   of another kind when the device fails.
    public func allocate(byteCount: Int) throws -> Storage {
        // No machine has 2⁶⁰ bytes, and what is below can't overflow.
        let blockByteCount = byteCount < 1 << 60 ? Self.blockByteCount(for: byteCount + guardByteCount) : byteCount
        guard byteCount < 1 << 60, let address = try takeBlock(byteCount: blockByteCount) else {
            throw TensorError(
                .outOfMemory, operation: "allocate", "no \(blockByteCount) bytes left", device: device,
                remedy: "use shorter audio, a smaller --batch-seconds or a smaller model")
        }
        if guardByteCount > 0 {
            allocator.writeGuard(at: address, offset: byteCount, byteCount: blockByteCount - byteCount)
        }
        return Storage(address: address, byteCount: byteCount, blockByteCount: blockByteCount, pool: self)
    }

    /// Says how large the next piece of work is, in any unit. Blocks of one of another size would serve it no more and
    /// only be held beside its own, so they go back to the allocator.
    package func prepare(forWorkOf size: Double) {
        let isOther = state.withLock { state in
            defer { state.workSize = size }
            return state.workSize.map { abs(size - $0) > $0 / 8 } ?? false
        }
        if isOther { trim() }
    }

    /// Gives all cached blocks back to the allocator.
    public func trim() {
        let blocks = state.withLock { state in
            defer {
                state.free = [:]
                state.statistics.cachedByteCount = 0
            }
            return state.free
        }
        for (byteCount, addresses) in blocks {
            for address in addresses.compactMap(UnsafeMutableRawPointer.init(bitPattern:)) {
                allocator.free(address, byteCount: byteCount)
            }
        }
    }

    func recycle(_ storage: Storage) {
        let intact =
            guardByteCount == 0
            || allocator.checkGuard(
                at: storage.address, offset: storage.byteCount,
                byteCount: storage.blockByteCount - storage.byteCount)
        if !intact { state.withLock { $0.statistics.damagedGuardCount += 1 } }
        putBlock(storage.address, byteCount: storage.blockByteCount)
    }

    /// A block of that size, which counts as used; nil when there is none left.
    private func takeBlock(byteCount: Int) throws -> UnsafeMutableRawPointer? {
        let cached: UnsafeMutableRawPointer? = state.withLock { state in
            guard let address = state.free[byteCount]?.popLast() else { return nil }
            state.statistics.cachedByteCount -= byteCount
            return UnsafeMutableRawPointer(bitPattern: address)
        }
        guard let address = try cached ?? newBlock(byteCount: byteCount) else { return nil }
        state.withLock { state in
            state.statistics.usedByteCount += byteCount
            let used = state.statistics.usedByteCount
            state.statistics.peakByteCount = max(state.statistics.peakByteCount, used)
            state.statistics.peakHeldByteCount = max(
                state.statistics.peakHeldByteCount, used + state.statistics.cachedByteCount)
        }
        return address
    }

    private func putBlock(_ address: UnsafeMutableRawPointer, byteCount: Int) {
        state.withLock { state in
            state.statistics.usedByteCount -= byteCount
            state.statistics.cachedByteCount += byteCount
            state.free[byteCount, default: []].append(UInt(bitPattern: address))
        }
    }

    private func newBlock(byteCount: Int) throws -> UnsafeMutableRawPointer? {
        // As it is, without what is cached, without what can be made again.
        for attempt in 0..<3 {
            if attempt == 2 { releaseMore() }
            if attempt > 0 { trim() }
            guard let address = try allocator.allocate(byteCount: byteCount) else { continue }
            state.withLock { $0.statistics.blockCount += 1 }
            return address
        }
        return nil
    }

    /// Eight sizes per power of two: at most an eighth is wasted, and near sizes share blocks.
    private static func blockByteCount(for byteCount: Int) -> Int {
        let least = max(byteCount, 64)
        let step = max(64, 1 << (Int.bitWidth - 4 - (least - 1).leadingZeroBitCount))
        return (least + step - 1) / step * step
    }
}

// MARK: - Lent blocks

extension StoragePool {
    /// A pool whose blocks are this one's: they count as used here until it ends.
    package func subpool() -> StoragePool { StoragePool(allocator: Lender(pool: self), device: device) }

    private struct Lender: BlockAllocator {
        let pool: StoragePool

        func allocate(byteCount: Int) throws -> UnsafeMutableRawPointer? { try pool.takeBlock(byteCount: byteCount) }
        func free(_ address: UnsafeMutableRawPointer, byteCount: Int) { pool.putBlock(address, byteCount: byteCount) }
        func writeGuard(at address: UnsafeMutableRawPointer, offset: Int, byteCount: Int) {}
        func checkGuard(at address: UnsafeMutableRawPointer, offset: Int, byteCount: Int) -> Bool { true }
    }
}
