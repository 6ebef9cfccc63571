import Synchronization
import TensorEngine
import Testing

/// Host memory of a limited size that counts its blocks.
private final class LimitedAllocator: BlockAllocator {
    let limit: Int
    private let state = Mutex((bytes: 0, blocks: 0))
    private let host = HostAllocator()

    init(limit: Int) {
        self.limit = limit
    }

    var usedByteCount: Int { state.withLock(\.bytes) }
    var blockCount: Int { state.withLock(\.blocks) }

    func allocate(byteCount: Int) -> UnsafeMutableRawPointer? {
        let fits = state.withLock { state in
            guard state.bytes + byteCount <= limit else { return false }
            state.bytes += byteCount
            state.blocks += 1
            return true
        }
        return fits ? host.allocate(byteCount: byteCount) : nil
    }

    func free(_ address: UnsafeMutableRawPointer, byteCount: Int) {
        state.withLock { state in
            state.bytes -= byteCount
            state.blocks -= 1
        }
        host.free(address, byteCount: byteCount)
    }

    func writeGuard(at address: UnsafeMutableRawPointer, offset: Int, byteCount: Int) {
        host.writeGuard(at: address, offset: offset, byteCount: byteCount)
    }

    func checkGuard(at address: UnsafeMutableRawPointer, offset: Int, byteCount: Int) -> Bool {
        host.checkGuard(at: address, offset: offset, byteCount: byteCount)
    }
}

@Suite struct StoragePoolTests {
    private let allocator = LimitedAllocator(limit: 1 << 20)
    private let pool: StoragePool

    init() {
        pool = StoragePool(allocator: allocator, device: .reference)
    }

    @Test func whatCanBeMadeAgainGoesWhenThereIsNoOtherMemory() throws {
        let held = Mutex<[Storage]>([])
        let pool = StoragePool(allocator: allocator, device: .reference) { held.withLock { $0 = [] } }
        held.withLock { $0 = (try? [pool.allocate(byteCount: 600_000)]) ?? [] }
        #expect(held.withLock(\.count) == 1)
        let storage = try pool.allocate(byteCount: 800_000)
        #expect(held.withLock(\.isEmpty) && storage.byteCount == 800_000)
        let error = #expect(throws: TensorError.self) { try pool.allocate(byteCount: 800_000) }
        #expect(error?.kind == .outOfMemory)
    }

    @Test func aSubpoolHasItsBlocksUntilItEnds() throws {
        var cached: Storage? = try pool.allocate(byteCount: 1000)
        let address = cached?.address
        cached = nil
        var subpool: StoragePool? = pool.subpool()
        var lent: Storage? = try subpool?.allocate(byteCount: 1000)
        #expect(lent?.address == address && pool.statistics.usedByteCount >= 1000)
        lent = nil
        // Nobody else gets it, though it is free there.
        #expect(try pool.allocate(byteCount: 1000).address != address)
        pool.trim()
        #expect(pool.statistics.usedByteCount >= 1000 && allocator.blockCount == 1)
        subpool = nil
        #expect(pool.statistics.usedByteCount == 0 && pool.statistics.cachedByteCount >= 1000)
        #expect(try pool.allocate(byteCount: 1000).address == address)
    }

    @Test func blocksStayForWorkOfTheSameSize() throws {
        func work(_ size: Double) throws {
            pool.prepare(forWorkOf: size)
            _ = try pool.allocate(byteCount: 1000)
        }
        try work(10)
        try work(10.5)
        try work(10)
        #expect(pool.statistics.blockCount == 1)
        try work(20)
        #expect(pool.statistics.blockCount == 2 && allocator.blockCount == 1)
    }

    @Test func aReleasedBlockIsUsedAgain() throws {
        var storage: Storage? = try pool.allocate(byteCount: 1000)
        let address = storage?.address
        storage = nil
        #expect(pool.statistics.cachedByteCount >= 1000)
        let again = try pool.allocate(byteCount: 1001)
        #expect(again.address == address)
        #expect(again.byteCount == 1001)
        #expect(pool.statistics.blockCount == 1)
        #expect(pool.statistics.cachedByteCount == 0)
    }

    @Test func livingStoragesNeverShareABlock() throws {
        let storages = try (0..<20).map { _ in try pool.allocate(byteCount: 100) }
        withExtendedLifetime(storages) {
            #expect(Set(storages.map(\.address)).count == 20)
            #expect(pool.statistics.usedByteCount >= 2000)
        }
    }

    @Test func thePeakIsTheMostThatWasInUseAtOnce() throws {
        for _ in 0..<3 { _ = try pool.allocate(byteCount: 4096) }
        #expect(pool.statistics.usedByteCount == 0)
        #expect(pool.statistics.peakByteCount == 4096)
        #expect(pool.statistics.peakHeldByteCount == 4096)
        let storage = try pool.allocate(byteCount: 64)
        #expect(pool.statistics.peakByteCount == 4096)
        #expect(pool.statistics.peakHeldByteCount == 4096 + 64)
        pool.trim()
        pool.resetPeak()
        #expect(pool.statistics.peakByteCount == 64)
        #expect(pool.statistics.peakHeldByteCount == 64)
        #expect(storage.byteCount == 64)
    }

    @Test func atMostAnEighthOfABlockIsWasted() throws {
        for byteCount in [513, 1025, 5000, 65_537, 100_003] {
            let before = allocator.usedByteCount
            let storage = try pool.allocate(byteCount: byteCount)
            let block = allocator.usedByteCount - before
            #expect(block >= storage.byteCount)
            #expect(block <= byteCount + max(64, byteCount / 8))
        }
    }

    @Test func trimmingGivesCachedBlocksBackAndKeepsLivingOnes() throws {
        let living = try pool.allocate(byteCount: 500)
        _ = try pool.allocate(byteCount: 5000)
        #expect(allocator.blockCount == 2)
        pool.trim()
        #expect(allocator.blockCount == 1)
        #expect(pool.statistics.cachedByteCount == 0)
        #expect(pool.statistics.usedByteCount >= living.byteCount)
    }

    @Test func aPoolThatGoesGivesEverythingBack() throws {
        let allocator = LimitedAllocator(limit: 1 << 20)
        var storage: Storage? = try StoragePool(allocator: allocator, device: .reference).allocate(byteCount: 100)
        #expect(allocator.blockCount == 1 && storage != nil)
        storage = nil
        #expect(allocator.blockCount == 0)
    }

    @Test func outOfMemoryIsATypedErrorAndLeavesThePoolUsable() throws {
        let half = try pool.allocate(byteCount: 1 << 19)
        let error = #expect(throws: TensorError.self) { try pool.allocate(byteCount: (1 << 19) + 1) }
        #expect(error?.kind == .outOfMemory)
        #expect(error?.operation == "allocate")
        #expect(error?.remedy != nil)
        #expect(pool.statistics.usedByteCount == half.byteCount)
        let small = try pool.allocate(byteCount: 1000)
        #expect(small.byteCount == 1000)
    }

    @Test func cachedBlocksAreGivenBackBeforeMemoryIsShort() throws {
        for byteCount in [300_000, 400_000] { _ = try pool.allocate(byteCount: byteCount) }
        let large = try pool.allocate(byteCount: 900_000)
        #expect(large.byteCount == 900_000)
        #expect(allocator.blockCount == 1)
    }

    @Test func anAbsurdSizeIsOutOfMemory() {
        let backend = ReferenceBackend()
        let error = #expect(throws: TensorError.self) {
            try Tensor.uninitialized([1 << 30, 1 << 25], on: backend)
        }
        #expect(error?.kind == .outOfMemory)
    }

    @Test(arguments: [0, 31])
    func aByteWrittenBeyondTheEndIsCounted(offset: Int) throws {
        let pool = StoragePool(allocator: allocator, device: .reference, guardByteCount: 32)
        var storage: Storage? = try pool.allocate(byteCount: 100)
        storage?.address.storeBytes(of: 1, toByteOffset: 99, as: UInt8.self)
        storage = nil
        #expect(pool.statistics.damagedGuardCount == 0)
        storage = try pool.allocate(byteCount: 100)
        storage?.address.storeBytes(of: 1, toByteOffset: 100 + offset, as: UInt8.self)
        storage = nil
        #expect(pool.statistics.damagedGuardCount == 1)
    }
}
