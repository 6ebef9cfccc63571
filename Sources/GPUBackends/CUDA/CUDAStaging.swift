import CUDAShim
import TensorEngine

/// Pinned host memory that copies go through, piece by piece: uploads through some slots in turn, so that the host
/// waits for nothing but a free one; downloads through slots of their own, so that it waits for its numbers alone, and
/// not for what other threads have queued since. Copies straight from ordinary memory are not used: where the GPU can
/// read that itself, it may do so after the call has returned.
///
/// All copies are queued among the kernels. A second stream could begin a batch's upload while the one before is
/// computed, but that is 20 MB beside tens of milliseconds of work, and each block would need an event of its own.
///
/// `@unchecked Sendable`: it owns its memory and events, and the CUDA driver's lock guards it.
struct CUDAStaging: @unchecked Sendable {
    /// Of one slot.
    static let byteCount = 512 << 10

    /// `@unchecked Sendable`: whoever borrowed it has it alone.
    struct Slot: @unchecked Sendable {
        let memory: UnsafeMutableRawPointer
        /// Recorded after the slot's last copy.
        let event: CUDAHandle
    }

    private let library: CUDALibrary
    private let device: Device
    private var slots: [Slot] = []
    private var next = 0
    /// For downloads, of which each has its own.
    private var idle: [Slot] = []
    /// Room for the samples of eight minutes, so that the host can queue a batch while the one before is computed.
    /// Fewer once the system has no more memory that can be pinned.
    private var largestSlotCount = 64

    init(library: CUDALibrary, device: Device) {
        self.library = library
        self.device = device
    }

    mutating func upload(_ bytes: UnsafeRawBufferPointer, to address: UInt64, stream: OpaquePointer) throws {
        for offset in stride(from: 0, to: bytes.count, by: Self.byteCount) {
            let part = UnsafeRawBufferPointer(rebasing: bytes[offset..<min(offset + Self.byteCount, bytes.count)])
            guard let source = part.baseAddress else { return }
            try upload(source, byteCount: part.count, to: address + UInt64(offset), stream: stream)
        }
    }

    private mutating func upload(
        _ source: UnsafeRawPointer, byteCount: Int, to address: UInt64, stream: OpaquePointer
    ) throws {
        let functions = library.functions.pointee
        guard let slot = try nextSlot() else {
            try library.check(functions.cuMemcpyHtoDAsync_v2(address, source, byteCount, stream), "upload", device)
            return try library.check(functions.cuStreamSynchronize(stream), "upload", device)
        }
        slot.memory.copyMemory(from: source, byteCount: byteCount)
        try library.check(functions.cuMemcpyHtoDAsync_v2(address, slot.memory, byteCount, stream), "upload", device)
        let recorded = functions.cuEventRecord(slot.event.pointer, stream)
        // Nothing else would tell when the slot is free again.
        if recorded != cudaSuccess.rawValue { _ = functions.cuStreamSynchronize(stream) }
        try library.check(recorded, "upload", device)
    }

    /// Once nothing is queued any more.
    mutating func removeAll() {
        for slot in slots + idle { cudaFreeHost(library.functions, slot.memory) }
        (slots, idle) = ([], [])
        next = 0
    }

    /// Slots for a download, as many as it has use for; none where no memory can be pinned.
    mutating func borrow(for byteCount: Int) throws -> [Slot] {
        let most = 8
        var borrowed: [Slot] = []
        for _ in 0..<min(most, (byteCount + Self.byteCount - 1) / Self.byteCount) {
            do {
                borrowed.append(try idle.popLast() ?? makeSlot())
            } catch let error as TensorError where error.kind == .outOfMemory {
                break
            } catch {
                idle += borrowed
                throw error
            }
        }
        return borrowed
    }

    /// Takes slots back that no copy uses any more.
    mutating func giveBack(_ borrowed: [Slot]) { idle += borrowed }

    /// A slot whose last copy is done; nil where no memory can be pinned.
    private mutating func nextSlot() throws -> Slot? {
        if slots.count < largestSlotCount {
            do {
                let slot = try makeSlot()
                slots.append(slot)
                return slot
            } catch let error as TensorError where error.kind == .outOfMemory {
                largestSlotCount = slots.count
            }
        }
        guard !slots.isEmpty else { return nil }
        next %= slots.count
        let slot = slots[next]
        next += 1
        try library.check(library.functions.pointee.cuEventSynchronize(slot.event.pointer), "upload", device)
        return slot
    }

    private func makeSlot() throws -> Slot {
        let event = try CUDAHandle(
            of: library, "upload", device: device, release: cudaDestroyEvent, make: { cudaCreateEvent($0, &$1) })
        let memory: UnsafeMutableRawPointer = try library.make("upload", device) {
            cudaAllocateHost(library.functions, Self.byteCount, &$0)
        }
        return Slot(memory: memory, event: event)
    }
}
