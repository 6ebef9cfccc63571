import CUDAShim
import Dispatch
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

    struct State: Sendable {
        var programs: CUDAPrograms
        var staging: CUDAStaging
        var products: CUBLASLtProducts?
    }

    /// Where this thread's work goes while a driver records.
    private struct Recording: Sendable {
        let driver: ObjectIdentifier
        let stream: CUDAHandle
    }

    @TaskLocal private static var recording: Recording?

    private let target: CUDADevice
    let library: CUDALibrary
    let context: CUDAHandle
    let stream: CUDAHandle
    package let productLibrary: String?
    package let productLibraryProblem: String?
    package let usesTF32: Bool
    let state: Mutex<State>

    var functions: UnsafeMutablePointer<CUDAFunctions> { library.functions }

    /// - Parameter usesTF32: whether products of float32 may round their factors to ten bits of fraction.
    /// - Throws: `TensorError` of kind `deviceUnavailable`, with what is missing and how to get it.
    package convenience init(index: Int, usesTF32: Bool = false) throws {
        let library = try CUDALibrary.shared()
        let target = try CUDADevice.at(index, of: library)
        // Without a compiler the first kernel would fail: better to say so at once.
        let compiler = try CUDACompiler.shared(for: target)
        let products = CUBLASLt.isWanted ? Result { try CUBLASLt.shared(for: target) } : nil
        try self.init(
            target, of: library, compiler: compiler, cache: .ofUser("cuda"), products: products, usesTF32: usesTF32)
    }

    /// - Parameter products: their library, or why there is none; nil: all by kernels.
    package init(
        _ target: CUDADevice, of library: CUDALibrary, compiler: CUDACompiler, cache: ProgramCache?,
        products: Result<CUBLASLt, any Error>? = nil, usesTF32: Bool = false
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
            return (context, try Self.makeStream("open", library, context, device))
        }
        var target = target
        target.properties.hasWarpgroupProducts = compiler.target(forCapability: target.capability) == "sm_90a"
        (self.device, self.target, self.library) = (device, target, library)
        let opened = try Self.products(products, device: device, usesTF32: usesTF32)
        let made = try? opened?.get()
        self.usesTF32 = usesTF32
        productLibraryProblem = opened.flatMap { if case .failure(let error) = $0 { "\(error)" } else { nil } }
        productLibrary = made.map { "cuBLASLt \($0.library.version)\(usesTF32 ? " in TF32" : "")" }
        state = Mutex(
            State(
                programs: CUDAPrograms(
                    library: library, target: target, device: device, cache: cache, compiler: compiler),
                staging: CUDAStaging(library: library, device: device), products: made))
    }

    deinit {
        // What is queued may read what is given back here.
        _ = functions.pointee.cuCtxSetCurrent(context.pointer)
        _ = functions.pointee.cuStreamSynchronize(stream.pointer)
        state.withLock { state in
            state.products = nil
            state.programs.removeAll()
            state.staging.removeAll()
        }
    }

    /// The stream keeps its context.
    static func makeStream(
        _ operation: String, _ library: CUDALibrary, _ context: CUDAHandle, _ device: Device
    ) throws -> CUDAHandle {
        try CUDAHandle(of: library, operation, device: device) { functions, stream in
            _ = functions.pointee.cuCtxSetCurrent(context.pointer)
            cudaDestroyStream(functions, stream)
        } make: {
            cudaCreateStream($0, &$1)
        }
    }

    func makeCurrent(_ operation: String) throws {
        try library.check(functions.pointee.cuCtxSetCurrent(context.pointer), operation, device)
    }

    // MARK: Order

    package func synchronize() throws {
        try requireNoRecording("waiting")
        try makeCurrent("synchronize")
        try wait("synchronize")
    }

    func wait(_ operation: String) throws {
        try library.check(functions.pointee.cuStreamSynchronize(stream.pointer), operation, device)
    }

    // MARK: Recording

    /// Where this thread's work is recorded.
    var recordingStream: CUDAHandle? {
        Self.recording.flatMap { $0.driver == ObjectIdentifier(self) ? $0.stream : nil }
    }

    func whileRecording(into stream: CUDAHandle, _ body: () throws -> Void) throws {
        let recording = Recording(driver: ObjectIdentifier(self), stream: stream)
        try Self.$recording.withValue(recording) { try body() }
    }

    func requireNoRecording(_ what: String) throws {
        guard recordingStream == nil else { throw TensorError(unrecordable: what, device: device) }
    }

    // MARK: Programs

    package func compileAhead(_ programs: [GPUProgram]) {
        // A copy, for threads to compile by without waiting for each other.
        let compiling = state.withLock { $0.programs }
        let missing = compiling.missing(of: programs)
        // One alone gains nothing.
        guard missing.count > 1 else { return }
        let images = Mutex<[(GPUProgram, [UInt8])]>([])
        DispatchQueue.concurrentPerform(iterations: missing.count) { index in
            guard let image = try? compiling.image(of: missing[index]) else { return }
            images.withLock { $0.append((missing[index], image)) }
        }
        let compiled = images.withLock { $0 }
        guard (try? makeCurrent("load")) != nil else { return }
        state.withLock { state in
            for (program, image) in compiled { _ = try? state.programs.add(image, of: program) }
        }
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
        let recordingStream = recordingStream
        try state.withLock { state in
            guard recordingStream == nil || state.programs.isReady(kernel) else {
                throw TensorError(unrecordable: "\(kernel.name), which has never run,", device: device)
            }
            let function = try state.programs.function(kernel)
            let status = values.withUnsafeMutableBufferPointer { values in
                var pointers = values.indices.map { index in
                    values.baseAddress.map { UnsafeMutableRawPointer($0 + index) }
                }
                // The driver knows how many there are; tools that look on don't.
                pointers.append(nil)
                return functions.pointee.cuLaunchKernel(
                    function, UInt32(groups.x), UInt32(groups.y), UInt32(groups.z), UInt32(threads.x),
                    UInt32(threads.y), UInt32(threads.z), UInt32(kernel.program.sharedByteCount),
                    (recordingStream ?? stream).pointer, &pointers, nil)
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
