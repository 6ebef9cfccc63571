import OpenCLShim
import Synchronization
import TensorEngine

/// One in-order queue of an OpenCL device. A block's address is its `cl_mem`.
///
/// OpenCL's calls are safe from any thread but `clSetKernelArg`, which is called under the lock.
package final class OpenCLDriver: GPUDriver {
    package let device: Device
    package var properties: GPUProperties { target.properties }
    package var programStatistics: ProgramStatistics { state.withLock { $0.programs.statistics } }

    private struct State: Sendable {
        var programs: OpenCLPrograms
        var pending: OpenCLPendingWork
    }

    private let target: OpenCLDevice
    private let library: OpenCLLibrary
    private let context: OpenCLObject
    private let queue: OpenCLObject
    private let state: Mutex<State>

    private var functions: UnsafeMutablePointer<OpenCLFunctions> { library.functions }

    /// - Throws: `TensorError` of kind `deviceUnavailable`, with what is missing and how to get it.
    package convenience init(index: Int) throws {
        let library = try OpenCLLibrary.shared()
        let target = try OpenCLDevices(of: library).device(at: index)
        try self.init(
            index: index, target: target, library: library,
            cache: .ofUser("opencl", driverKeepsPrograms: target.keepsPrograms))
    }

    package convenience init(index: Int, library: OpenCLLibrary, cache: ProgramCache?) throws {
        let target = try OpenCLDevices(of: library).device(at: index)
        try self.init(index: index, target: target, library: library, cache: cache)
    }

    private init(index: Int, target: OpenCLDevice, library: OpenCLLibrary, cache: ProgramCache?) throws {
        let device = Device.opencl(index)
        let context = try OpenCLObject(of: library, "open", device: device, release: openCLReleaseContext) {
            openCLCreateContext($0, target.platformIdentifier, target.identifier, &$1)
        }
        queue = try OpenCLObject(of: library, "open", device: device, release: openCLReleaseQueue) {
            openCLCreateQueue($0, context.pointer, target.identifier, &$1)
        }
        (self.device, self.target, self.library, self.context) = (device, target, library, context)
        state = Mutex(
            State(
                programs: OpenCLPrograms(
                    library: library, context: context, target: target, device: device, cache: cache),
                pending: OpenCLPendingWork(library: library, device: device)))
    }

    deinit {
        // Staging memory must outlive what reads it; a second try is for a driver that was out of memory for a moment.
        if functions.pointee.clFinish(queue.pointer) != openCLSuccess.rawValue {
            _ = functions.pointee.clFinish(queue.pointer)
        }
        state.withLock { $0.pending.removeAll() }
    }

    // MARK: Memory

    package func allocate(byteCount: Int) throws -> UnsafeMutableRawPointer? {
        var status = openCLSuccess.rawValue
        if let buffer = openCLCreateBuffer(library.functions, context.pointer, byteCount, &status) {
            return UnsafeMutableRawPointer(buffer)
        }
        let error = TensorError(openCL: status, operation: "allocate", device: device)
        guard error.kind == .outOfMemory else { throw error }
        return nil
    }

    package func free(_ address: UnsafeMutableRawPointer, byteCount: Int) {
        // The driver keeps it until the commands that use it are done.
        openCLReleaseBuffer(library.functions, OpaquePointer(address))
    }

    package func writeGuard(at address: UnsafeMutableRawPointer, offset: Int, byteCount: Int) {
        guard byteCount > 0 else { return }
        let bytes = GuardBytes.make(byteCount)
        _ = write(bytes, to: address, offset: offset, byteCount: byteCount)
    }

    package func checkGuard(at address: UnsafeMutableRawPointer, offset: Int, byteCount: Int) -> Bool {
        guard byteCount > 0 else { return true }
        var bytes = [UInt8](repeating: 0, count: byteCount)
        let status = read(address, offset: offset, into: &bytes, byteCount: byteCount)
        return status == openCLSuccess.rawValue && bytes.withUnsafeBytes(GuardBytes.areIntact)
    }

    /// A driver that copies less than this on the side makes the host wait for nothing; more is not worth a copy.
    private static let smallestBlockingUploadByteCount = 1 << 20

    package func upload(_ bytes: UnsafeRawBufferPointer, to address: UnsafeMutableRawPointer) throws {
        guard let source = bytes.baseAddress, !bytes.isEmpty else { return }
        guard bytes.count < Self.smallestBlockingUploadByteCount else {
            return try finish("upload", status: write(source, to: address, offset: 0, byteCount: bytes.count))
        }
        let staging = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 64)
        staging.copyMemory(from: bytes)
        var isQueued = false
        defer { if !isQueued { staging.deallocate() } }
        guard let first = staging.baseAddress else { return }
        try enqueue("upload", staging: staging) {
            openCLEnqueueUpload(library.functions, queue.pointer, OpaquePointer(address), first, bytes.count, &$0)
        }
        isQueued = true
    }

    package func download(_ address: UnsafeMutableRawPointer, into bytes: UnsafeMutableRawBufferPointer) throws {
        guard let target = bytes.baseAddress, !bytes.isEmpty else { return try synchronize() }
        try finish("download", status: read(address, offset: 0, into: target, byteCount: bytes.count))
    }

    package func copy(
        _ source: UnsafeMutableRawPointer, byteCount: Int, to target: UnsafeMutableRawPointer, offset: Int
    ) throws {
        guard byteCount > 0 else { return }
        try enqueue("copy") {
            openCLEnqueueCopy(
                library.functions, queue.pointer, OpaquePointer(source), OpaquePointer(target), offset, byteCount, &$0)
        }
    }

    private func write(
        _ bytes: UnsafeRawPointer, to address: UnsafeMutableRawPointer, offset: Int, byteCount: Int
    ) -> Int32 {
        functions.pointee.clEnqueueWriteBuffer(
            queue.pointer, OpaquePointer(address), UInt32(openCLTrue.rawValue), offset, byteCount, bytes, 0, nil, nil)
    }

    private func read(
        _ address: UnsafeMutableRawPointer, offset: Int, into bytes: UnsafeMutableRawPointer, byteCount: Int
    ) -> Int32 {
        functions.pointee.clEnqueueReadBuffer(
            queue.pointer, OpaquePointer(address), UInt32(openCLTrue.rawValue), offset, byteCount, bytes, 0, nil, nil)
    }

    // MARK: Order

    package func synchronize() throws {
        try finish("synchronize", status: functions.pointee.clFinish(queue.pointer))
    }

    /// After a call that waited: what was queued before is done, and the first of it that failed is thrown.
    private func finish(_ operation: String, status: Int32) throws {
        let failure = state.withLock { state in
            state.pending.removeComplete()
            return state.pending.failure
        }
        if let failure { throw failure }
        try checkOpenCL(status, operation, device)
    }

    private func enqueue(
        _ name: String, staging: UnsafeMutableRawBufferPointer? = nil, _ call: (inout OpaquePointer?) -> Int32
    ) throws {
        try state.withLock { try append(name, staging: staging, to: &$0, call) }
    }

    private func append(
        _ name: String, staging: UnsafeMutableRawBufferPointer?, to state: inout State,
        _ call: (inout OpaquePointer?) -> Int32
    ) throws {
        var event: OpaquePointer?
        try checkOpenCL(call(&event), name, device)
        if let event { state.pending.append(name, event: event, staging: staging, queue: queue.pointer) }
    }

    // MARK: Launches

    package func launch(_ kernel: GPUKernel, _ size: LaunchSize, _ arguments: [KernelArgument]) throws {
        let (groups, threads) = (size.groups, size.threads)
        guard groups.x > 0, groups.y > 0, groups.z > 0 else { return }
        let globalSizes = [groups.x * threads.x, groups.y * threads.y, groups.z * threads.z]
        let localSizes = [threads.x, threads.y, threads.z]
        try state.withLock { state in
            let made = try state.programs.kernel(kernel)
            for (index, argument) in arguments.enumerated() {
                let status = set(argument, at: UInt32(index), of: made.pointer)
                try checkOpenCL(status, "\(kernel.name), argument \(index)", device)
            }
            try append(kernel.name, staging: nil, to: &state) {
                openCLEnqueueKernel(library.functions, queue.pointer, made.pointer, globalSizes, localSizes, &$0)
            }
        }
    }

    private func set(_ argument: KernelArgument, at index: UInt32, of kernel: OpaquePointer) -> Int32 {
        func set<Value>(_ value: Value) -> Int32 {
            withUnsafeBytes(of: value) { functions.pointee.clSetKernelArg(kernel, index, $0.count, $0.baseAddress) }
        }
        return switch argument {
        case .buffer(let storage): set(storage.map { OpaquePointer($0.address) })
        case .int(let value): set(value)
        case .long(let value): set(value)
        case .float(let value): set(value)
        }
    }
}
