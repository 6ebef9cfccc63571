import CUDAShim
import Synchronization
import TensorEngine

/// One stream of a CUDA device. A block's address is its device pointer.
///
/// Every call makes the device's primary context current on its thread first. Failures of kernels are sticky: every
/// later call gives them.
package final class CUDADriver: GPUDriver {
    package let device: Device
    package var properties: GPUProperties { target.properties }
    package var programStatistics: ProgramStatistics { state.withLock { $0.programs.statistics } }

    private struct State: Sendable {
        var programs: CUDAPrograms
        var staging: CUDAStaging
    }

    private let target: CUDADevice
    private let library: CUDALibrary
    private let context: CUDAHandle
    private let stream: CUDAHandle
    private let state: Mutex<State>

    private var functions: UnsafeMutablePointer<CUDAFunctions> { library.functions }

    /// - Throws: `TensorError` of kind `deviceUnavailable`, with what is missing and how to get it.
    package convenience init(index: Int) throws {
        let library = try CUDALibrary.shared()
        let target = try CUDADevice.at(index, of: library)
        // Without a compiler the first kernel would fail: better to say so at once.
        try self.init(target, of: library, compiler: .shared(for: target), cache: .ofUser("cuda"))
    }

    package init(
        _ target: CUDADevice, of library: CUDALibrary, compiler: CUDACompiler, cache: ProgramCache?
    ) throws {
        let device = Device.cuda(target.index)
        (context, stream) = try openingCUDA(device) {
            let context = try CUDAHandle(of: library, "open", device: device) { functions, _ in
                // No thread may be left with a context that is gone.
                _ = functions.pointee.cuCtxSetCurrent(nil)
                cudaReleaseContext(functions, target.ordinal)
            } make: {
                cudaRetainContext($0, target.ordinal, &$1)
            }
            try library.check(library.functions.pointee.cuCtxSetCurrent(context.pointer), "open", device)
            // The stream keeps its context.
            let stream = try CUDAHandle(of: library, "open", device: device) { [context] functions, stream in
                _ = functions.pointee.cuCtxSetCurrent(context.pointer)
                cudaDestroyStream(functions, stream)
            } make: {
                cudaCreateStream($0, &$1)
            }
            return (context, stream)
        }
        var target = target
        target.properties.hasWarpgroupProducts = compiler.target(forCapability: target.capability) == "sm_90a"
        (self.device, self.target, self.library) = (device, target, library)
        state = Mutex(
            State(
                programs: CUDAPrograms(
                    library: library, target: target, device: device, cache: cache, compiler: compiler),
                staging: CUDAStaging(library: library, device: device)))
    }

    deinit {
        // What is queued may read what is given back here.
        _ = functions.pointee.cuCtxSetCurrent(context.pointer)
        _ = functions.pointee.cuStreamSynchronize(stream.pointer)
        state.withLock { state in
            state.programs.removeAll()
            state.staging.removeAll()
        }
    }

    private func makeCurrent(_ operation: String) throws {
        try library.check(functions.pointee.cuCtxSetCurrent(context.pointer), operation, device)
    }

    // MARK: Memory

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

    private static let guardByte: UInt8 = 0xA5

    package func writeGuard(at address: UnsafeMutableRawPointer, offset: Int, byteCount: Int) {
        let bytes = [UInt8](repeating: Self.guardByte, count: byteCount)
        bytes.withUnsafeBytes { try? upload($0, to: address + offset) }
    }

    package func checkGuard(at address: UnsafeMutableRawPointer, offset: Int, byteCount: Int) -> Bool {
        var bytes = [UInt8](repeating: 0, count: byteCount)
        do {
            try bytes.withUnsafeMutableBytes { try download(address + offset, into: $0) }
        } catch {
            return false
        }
        return bytes.allSatisfy { $0 == Self.guardByte }
    }

    package func upload(_ bytes: UnsafeRawBufferPointer, to address: UnsafeMutableRawPointer) throws {
        guard !bytes.isEmpty else { return }
        try makeCurrent("upload")
        try state.withLock { try $0.staging.upload(bytes, to: address.deviceAddress, stream: stream.pointer) }
    }

    package func download(_ address: UnsafeMutableRawPointer, into bytes: UnsafeMutableRawBufferPointer) throws {
        guard let target = bytes.baseAddress, !bytes.isEmpty else { return try synchronize() }
        try makeCurrent("download")
        try library.check(
            functions.pointee.cuMemcpyDtoHAsync_v2(target, address.deviceAddress, bytes.count, stream.pointer),
            "download", device)
        // Whatever fails from here on: the memory is the caller's again when this returns.
        try wait("download")
    }

    package func copy(
        _ source: UnsafeMutableRawPointer, byteCount: Int, to target: UnsafeMutableRawPointer, offset: Int
    ) throws {
        guard byteCount > 0 else { return }
        try makeCurrent("copy")
        try library.check(
            functions.pointee.cuMemcpyDtoDAsync_v2(
                (target + offset).deviceAddress, source.deviceAddress, byteCount, stream.pointer), "copy", device)
    }

    // MARK: Order

    package func synchronize() throws {
        try makeCurrent("synchronize")
        try wait("synchronize")
    }

    private func wait(_ operation: String) throws {
        try library.check(functions.pointee.cuStreamSynchronize(stream.pointer), operation, device)
    }

    // MARK: Launches

    package func launch(_ kernel: GPUKernel, _ size: LaunchSize, _ arguments: [KernelArgument]) throws {
        let (groups, threads) = (size.groups, size.threads)
        guard groups.x > 0, groups.y > 0, groups.z > 0 else { return }
        let largest = (x: Int(Int32.max), yz: 65_535)
        guard groups.x <= largest.x, groups.y <= largest.yz, groups.z <= largest.yz else {
            throw TensorError(
                .unsupported, operation: kernel.name,
                "\(groups.x) × \(groups.y) × \(groups.z) groups are more than CUDA launches", device: device,
                remedy: "use shorter audio or a smaller --batch-seconds")
        }
        try makeCurrent(kernel.name)
        // Eight bytes each, whatever the parameter's size: little-endian machines keep the value in the first ones.
        var values = arguments.map(\.bits)
        try state.withLock { state in
            let function = try state.programs.function(kernel)
            let status = values.withUnsafeMutableBufferPointer { values in
                var pointers = values.indices.map { index in
                    values.baseAddress.map { UnsafeMutableRawPointer($0 + index) }
                }
                return functions.pointee.cuLaunchKernel(
                    function, UInt32(groups.x), UInt32(groups.y), UInt32(groups.z), UInt32(threads.x),
                    UInt32(threads.y), UInt32(threads.z), UInt32(kernel.program.sharedByteCount), stream.pointer,
                    &pointers, nil)
            }
            try library.check(status, kernel.name, device)
        }
    }
}

extension KernelArgument {
    fileprivate var bits: UInt64 {
        switch self {
        case .buffer(let storage): storage.map { $0.address.deviceAddress } ?? 0
        case .int(let value): UInt64(UInt32(bitPattern: value))
        case .long(let value): UInt64(bitPattern: value)
        case .float(let value): UInt64(value.bitPattern)
        }
    }
}

extension UnsafeMutableRawPointer {
    var deviceAddress: UInt64 { UInt64(UInt(bitPattern: self)) }
}
