import Glibc

/// Zeroed memory that costs nothing until it is written.
final class ZeroedMemory: @unchecked Sendable {
    // Unchecked: one thread writes it before others read it.
    let start: UnsafeMutableRawPointer
    let byteCount: Int

    /// - Throws: `CheckpointError` when this machine hasn't as much.
    init(byteCount: Int, path: String) throws {
        self.byteCount = max(byteCount, 1)
        let protection = PROT_READ | PROT_WRITE
        guard self.byteCount <= WholeFile.memoryByteLimit,
            let start = mmap(nil, self.byteCount, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
            start != MAP_FAILED
        else {
            throw CheckpointError(
                .languageModel, path: path, "its tables need \(byteCount >> 20) MiB, more than this machine can give",
                remedy: "make a KenLM binary of it (build_binary), which needs far less memory")
        }
        // Tables are read at random places, each of which misses the address cache on small pages.
        madvise(start, self.byteCount, MADV_HUGEPAGE)
        self.start = start
    }

    deinit {
        munmap(start, byteCount)
    }
}

/// A `ProbingTable` that is being filled.
final class ProbingTableBuilder {
    private(set) var memory: ZeroedMemory
    private(set) var bucketCount: Int
    private(set) var count = 0
    let stride: Int
    private let path: String

    /// - Parameters:
    ///   - capacity: a guess at the number of entries, no matter how bad.
    ///   - valueByteCount: the bytes of an entry after its key.
    init(capacity: Int, valueByteCount: Int, path: String) throws {
        stride = ProbingTable.keyByteCount + valueByteCount
        bucketCount = max(capacity, 8) / 2 * 3
        self.path = path
        memory = try ZeroedMemory(byteCount: Self.byteCount(bucketCount, stride), path: path)
    }

    var table: ProbingTable {
        ProbingTable(start: UnsafeRawPointer(memory.start), bucketCount: bucketCount, stride: stride)
    }

    /// The address of the value of `key`. It is good until the next insertion.
    func find(_ key: UInt64) -> UnsafeMutableRawPointer? {
        table.find(key).map { UnsafeMutableRawPointer(mutating: $0) + ProbingTable.keyByteCount }
    }

    /// - Returns: the address of the value, zero when it is new. It is good until the next insertion.
    func insert(_ key: UInt64) throws -> (value: UnsafeMutableRawPointer, isNew: Bool) {
        if count >= bucketCount / 5 * 4 { try grow() }
        let (entry, isNew) = Self.place(of: key, in: memory.start, bucketCount: bucketCount, stride: stride)
        if isNew {
            entry.storeBytes(of: key, as: UInt64.self)
            count += 1
        }
        return (entry + ProbingTable.keyByteCount, isNew)
    }

    private func grow() throws {
        let (newCount, overflow) = bucketCount.multipliedReportingOverflow(by: 2)
        let byteCount = Self.byteCount(overflow ? .max : newCount, stride)
        let grown = try ZeroedMemory(byteCount: byteCount, path: path)
        for bucket in 0..<bucketCount {
            let entry = memory.start + bucket * stride
            let key = entry.loadUnaligned(as: UInt64.self)
            if key == 0 { continue }
            let place = Self.place(of: key, in: grown.start, bucketCount: newCount, stride: stride).entry
            place.copyMemory(from: entry, byteCount: stride)
        }
        (memory, bucketCount) = (grown, newCount)
    }

    /// At most four fifths of the places are ever taken, so that the search ends.
    private static func place(
        of key: UInt64, in start: UnsafeMutableRawPointer, bucketCount: Int, stride: Int
    ) -> (entry: UnsafeMutableRawPointer, isNew: Bool) {
        var bucket = Int(key % UInt64(bucketCount))
        while true {
            let entry = start + bucket * stride
            let found = entry.loadUnaligned(as: UInt64.self)
            if found == key { return (entry, false) }
            if found == 0 { return (entry, true) }
            bucket += 1
            if bucket == bucketCount { bucket = 0 }
        }
    }

    private static func byteCount(_ bucketCount: Int, _ stride: Int) -> Int {
        let (byteCount, overflow) = bucketCount.multipliedReportingOverflow(by: stride)
        return overflow ? .max : byteCount
    }
}
