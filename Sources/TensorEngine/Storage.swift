import Synchronization

/// A piece of device memory. It goes back to its pool when nothing refers to it any more.
///
/// `@unchecked Sendable`: the address never changes, and the contents are written once, by the operation that
/// the storage was allocated for, before any other holder can see it.
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
        /// Blocks that the allocator was asked for.
        public var blockCount = 0
        /// Storages whose guard bytes were overwritten.
        public var damagedGuardCount = 0
    }

    private struct State {
        var free: [Int: [UInt]] = [:]
        var statistics = Statistics()
    }

    private let allocator: any BlockAllocator
    private let device: Device
    private let guardByteCount: Int
    private let state = Mutex(State())

    /// - Parameter guardByteCount: bytes after every storage that are checked when it comes back; for tests.
    public init(allocator: any BlockAllocator, device: Device, guardByteCount: Int = 0) {
        self.allocator = allocator
        self.device = device
        self.guardByteCount = guardByteCount
    }

    deinit {
        trim()
    }

    public var statistics: Statistics { state.withLock(\.statistics) }

    /// Starts a new measurement of the peak.
    public func resetPeak() {
        state.withLock { $0.statistics.peakByteCount = $0.statistics.usedByteCount }
    }

    /// A storage of uninitialised bytes.
    /// - Throws: `TensorError` of kind `outOfMemory`, after the cached blocks were given back and that did not help;
    ///   of another kind when the device fails.
    public func allocate(byteCount: Int) throws -> Storage {
        // No machine has 2⁶⁰ bytes, and what is below can't overflow.
        let blockByteCount = byteCount < 1 << 60 ? Self.blockByteCount(for: byteCount + guardByteCount) : byteCount
        let cached: UnsafeMutableRawPointer? = state.withLock { state in
            guard let address = state.free[blockByteCount]?.popLast() else { return nil }
            state.statistics.cachedByteCount -= blockByteCount
            return UnsafeMutableRawPointer(bitPattern: address)
        }
        guard byteCount < 1 << 60, let address = try cached ?? newBlock(byteCount: blockByteCount) else {
            throw TensorError(
                .outOfMemory, operation: "allocate", "no \(blockByteCount) bytes left", device: device,
                remedy: "use shorter audio, a smaller --batch-seconds or a smaller model")
        }
        state.withLock { state in
            state.statistics.usedByteCount += blockByteCount
            state.statistics.peakByteCount = max(state.statistics.peakByteCount, state.statistics.usedByteCount)
        }
        if guardByteCount > 0 {
            allocator.writeGuard(at: address, offset: byteCount, byteCount: blockByteCount - byteCount)
        }
        return Storage(address: address, byteCount: byteCount, blockByteCount: blockByteCount, pool: self)
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
        state.withLock { state in
            state.statistics.usedByteCount -= storage.blockByteCount
            state.statistics.cachedByteCount += storage.blockByteCount
            if !intact { state.statistics.damagedGuardCount += 1 }
            state.free[storage.blockByteCount, default: []].append(UInt(bitPattern: storage.address))
        }
    }

    private func newBlock(byteCount: Int) throws -> UnsafeMutableRawPointer? {
        if let address = try allocator.allocate(byteCount: byteCount) {
            state.withLock { $0.statistics.blockCount += 1 }
            return address
        }
        trim()
        guard let address = try allocator.allocate(byteCount: byteCount) else { return nil }
        state.withLock { $0.statistics.blockCount += 1 }
        return address
    }

    /// Eight sizes per power of two: at most an eighth is wasted, and near sizes share blocks.
    private static func blockByteCount(for byteCount: Int) -> Int {
        let least = max(byteCount, 64)
        let step = max(64, 1 << (Int.bitWidth - 4 - (least - 1).leadingZeroBitCount))
        return (least + step - 1) / step * step
    }
}
