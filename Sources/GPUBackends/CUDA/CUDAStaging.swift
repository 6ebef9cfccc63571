import CUDAShim
import TensorEngine

/// Pinned host memory that small uploads go through, so that the host waits for nothing: some slots, used in turn.
///
/// `@unchecked Sendable`: it owns its memory and events, and the CUDA driver's lock guards it.
struct CUDAStaging: @unchecked Sendable {
    /// Of one slot.
    static let byteCount = 256 << 10
    private static let slotCount = 8

    private struct Slot {
        let memory: UnsafeMutableRawPointer
        /// Recorded after the slot's last copy.
        let event: CUDAHandle
    }

    private let library: CUDALibrary
    private let device: Device
    private var slots: [Slot] = []
    private var next = 0

    init(library: CUDALibrary, device: Device) {
        self.library = library
        self.device = device
    }

    mutating func upload(_ bytes: UnsafeRawBufferPointer, to address: UInt64, stream: OpaquePointer) throws {
        let functions = library.functions
        let slot = try nextSlot()
        slot.memory.copyMemory(from: bytes.baseAddress ?? UnsafeRawPointer(slot.memory), byteCount: bytes.count)
        try library.check(
            functions.pointee.cuMemcpyHtoDAsync_v2(address, slot.memory, bytes.count, stream), "upload", device)
        try library.check(functions.pointee.cuEventRecord(slot.event.pointer, stream), "upload", device)
    }

    /// Once nothing is queued any more.
    mutating func removeAll() {
        for slot in slots { cudaFreeHost(library.functions, slot.memory) }
        slots = []
        next = 0
    }

    /// A slot whose last copy is done.
    private mutating func nextSlot() throws -> Slot {
        let functions = library.functions
        if slots.count < Self.slotCount {
            let event = try CUDAHandle(library.make("upload", device) { cudaCreateEvent(functions, &$0) }) {
                cudaDestroyEvent(functions, $0)
            }
            let memory: UnsafeMutableRawPointer = try library.make("upload", device) {
                cudaAllocateHost(functions, Self.byteCount, &$0)
            }
            slots.append(Slot(memory: memory, event: event))
            return slots[slots.count - 1]
        }
        let slot = slots[next]
        next = (next + 1) % Self.slotCount
        try library.check(functions.pointee.cuEventSynchronize(slot.event.pointer), "upload", device)
        return slot
    }
}
