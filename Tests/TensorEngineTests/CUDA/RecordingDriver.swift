import GPUBackends
import Glibc
import Synchronization
import TensorEngine

/// A driver over host memory that computes nothing and remembers which kernels were launched.
final class RecordingDriver: GPUDriver {
    let device = Device.cuda()
    let properties: GPUProperties
    private let launched = Mutex<Set<GPUKernel>>([])

    var kernels: Set<GPUKernel> { launched.withLock { $0 } }

    init(_ properties: GPUProperties) {
        self.properties = properties
    }

    func allocate(byteCount: Int) -> UnsafeMutableRawPointer? { calloc(byteCount, 1) }
    func free(_ address: UnsafeMutableRawPointer, byteCount: Int) { Glibc.free(address) }
    func writeGuard(at address: UnsafeMutableRawPointer, offset: Int, byteCount: Int) {}
    func checkGuard(at address: UnsafeMutableRawPointer, offset: Int, byteCount: Int) -> Bool { true }

    func upload(_ bytes: UnsafeRawBufferPointer, to address: UnsafeMutableRawPointer) {
        if let source = bytes.baseAddress { address.copyMemory(from: source, byteCount: bytes.count) }
    }

    func download(_ address: UnsafeMutableRawPointer, into bytes: UnsafeMutableRawBufferPointer) {
        bytes.copyMemory(from: UnsafeRawBufferPointer(start: address, count: bytes.count))
    }

    func copy(_ source: UnsafeMutableRawPointer, byteCount: Int, to target: UnsafeMutableRawPointer, offset: Int) {
        (target + offset).copyMemory(from: source, byteCount: byteCount)
    }

    func launch(_ kernel: GPUKernel, _ size: LaunchSize, _ arguments: [KernelArgument]) {
        _ = launched.withLock { $0.insert(kernel) }
    }

    func synchronize() {}
}
