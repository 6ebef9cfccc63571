import Glibc

/// Host memory for the pool of a CPU. Large blocks are mapped, on huge pages where the system has them: a page that is
/// touched for the first time costs as much as thousands of multiplications.
package struct HostAllocator: BlockAllocator {
    private static let mappedFrom = 1 << 20
    private static let hugePage = 2 << 20

    package init() {}

    package func allocate(byteCount: Int) -> UnsafeMutableRawPointer? {
        guard byteCount >= Self.mappedFrom else {
            var pointer: UnsafeMutableRawPointer?
            return posix_memalign(&pointer, 64, byteCount) == 0 ? pointer : nil
        }
        let address = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let address, address != MAP_FAILED else { return nil }
        if byteCount >= Self.hugePage { madvise(address, byteCount, Int32(MADV_HUGEPAGE)) }
        return address
    }

    package func free(_ address: UnsafeMutableRawPointer, byteCount: Int) {
        if byteCount >= Self.mappedFrom {
            munmap(address, byteCount)
        } else {
            Glibc.free(address)
        }
    }

    package func writeGuard(at address: UnsafeMutableRawPointer, offset: Int, byteCount: Int) {
        memset(address + offset, Int32(GuardBytes.value), byteCount)
    }

    package func checkGuard(at address: UnsafeMutableRawPointer, offset: Int, byteCount: Int) -> Bool {
        GuardBytes.areIntact(UnsafeRawBufferPointer(start: address + offset, count: byteCount))
    }
}

/// What fills the bytes after a storage, so that an operation that writes too far is found out.
package enum GuardBytes {
    static let value: UInt8 = 0xA5

    package static func make(_ count: Int) -> [UInt8] { [UInt8](repeating: value, count: count) }

    package static func areIntact(_ bytes: UnsafeRawBufferPointer) -> Bool {
        // All of them, without a branch for each: a loop of vectors.
        bytes.reduce(0) { $0 | ($1 ^ value) } == 0
    }
}
