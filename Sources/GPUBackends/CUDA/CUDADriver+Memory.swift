import CUDAShim
import TensorEngine

extension CUDADriver {
    package func allocate(byteCount: Int) throws -> UnsafeMutableRawPointer? {
        try makeCurrent("allocate")
        var address: UInt64 = 0
        let status = cudaAllocate(functions, byteCount, &address)
        guard status != cudaOutOfMemory.rawValue else { return nil }
        try library.check(status, "allocate", device)
        return UnsafeMutableRawPointer(bitPattern: UInt(address))
    }

    package func free(_ address: UnsafeMutableRawPointer, byteCount: Int) {
        _ = functions.pointee.cuCtxSetCurrent(context.pointer)
        // Waits for the work that uses it.
        cudaFree(functions, address.deviceAddress)
    }

    package func writeGuard(at address: UnsafeMutableRawPointer, offset: Int, byteCount: Int) {
        let bytes = GuardBytes.make(byteCount)
        bytes.withUnsafeBytes { try? upload($0, to: address + offset) }
    }

    package func checkGuard(at address: UnsafeMutableRawPointer, offset: Int, byteCount: Int) -> Bool {
        var bytes = [UInt8](repeating: 0, count: byteCount)
        do {
            try bytes.withUnsafeMutableBytes { try download(address + offset, into: $0) }
        } catch {
            return false
        }
        return bytes.withUnsafeBytes(GuardBytes.areIntact)
    }

    package func upload(_ bytes: UnsafeRawBufferPointer, to address: UnsafeMutableRawPointer) throws {
        guard !bytes.isEmpty else { return }
        try requireNoRecording("a copy from the host")
        try makeCurrent("upload")
        try state.withLock { try $0.staging.upload(bytes, to: address.deviceAddress, stream: stream.pointer) }
    }

    package func download(_ address: UnsafeMutableRawPointer, into bytes: UnsafeMutableRawBufferPointer) throws {
        guard let target = bytes.baseAddress, !bytes.isEmpty else { return try synchronize() }
        try requireNoRecording("a copy to the host")
        try makeCurrent("download")
        let slots = try state.withLock { try $0.staging.borrow(for: bytes.count) }
        guard !slots.isEmpty else {
            try library.check(
                functions.pointee.cuMemcpyDtoHAsync_v2(target, address.deviceAddress, bytes.count, stream.pointer),
                "download", device)
            // Whatever fails from here on: the memory is the caller's again when this returns.
            return try wait("download")
        }
        defer { state.withLock { $0.staging.giveBack(slots) } }
        do {
            try download(address.deviceAddress, into: bytes, through: slots)
        } catch {
            _ = functions.pointee.cuStreamSynchronize(stream.pointer)
            throw error
        }
    }

    /// In pieces, of which the first is on the host while the next ones are under way.
    private func download(
        _ address: UInt64, into bytes: UnsafeMutableRawBufferPointer, through slots: [CUDAStaging.Slot]
    ) throws {
        let pieces = stride(from: 0, to: bytes.count, by: CUDAStaging.byteCount).map {
            $0..<min($0 + CUDAStaging.byteCount, bytes.count)
        }
        func finish(_ index: Int) throws {
            let slot = slots[index % slots.count]
            try library.check(functions.pointee.cuEventSynchronize(slot.event.pointer), "download", device)
            UnsafeMutableRawBufferPointer(rebasing: bytes[pieces[index]]).copyMemory(
                from: UnsafeRawBufferPointer(start: slot.memory, count: pieces[index].count))
        }
        for (index, piece) in pieces.enumerated() {
            if index >= slots.count { try finish(index - slots.count) }
            let slot = slots[index % slots.count]
            try library.check(
                functions.pointee.cuMemcpyDtoHAsync_v2(
                    slot.memory, address + UInt64(piece.lowerBound), piece.count, stream.pointer), "download", device)
            try library.check(functions.pointee.cuEventRecord(slot.event.pointer, stream.pointer), "download", device)
        }
        for index in max(0, pieces.count - slots.count)..<pieces.count { try finish(index) }
    }

    package func copy(
        _ source: UnsafeMutableRawPointer, byteCount: Int, to target: UnsafeMutableRawPointer, offset: Int
    ) throws {
        guard byteCount > 0 else { return }
        try makeCurrent("copy")
        try library.check(
            functions.pointee.cuMemcpyDtoDAsync_v2(
                (target + offset).deviceAddress, source.deviceAddress, byteCount, (recordingStream ?? stream).pointer),
            "copy", device)
    }
}
