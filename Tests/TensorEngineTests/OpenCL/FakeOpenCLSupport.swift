import FakeOpenCL
import GPUBackends
import Glibc
import OpenCLShim
import TensorEngine
import Testing

/// The tests over the fake OpenCL, of which a process has one: they take turns.
@Suite(.serialized) enum FakeOpenCLTests {}

/// A fresh library over the fake, with settings changed from one GPU where nothing fails.
func fakeOpenCL(_ change: (inout FakeOpenCLSettings) -> Void = { _ in }) -> OpenCLLibrary {
    var settings = fakeOpenCLDefaults()
    change(&settings)
    fakeOpenCLReset(settings)
    return OpenCLLibrary(functions: fakeOpenCLFunctions())
}

/// Everything that a driver is asked for: memory, copies small and large, programs, kernels, events, order.
func driverWorkload(_ library: OpenCLLibrary, cache: ProgramCache?) throws {
    let driver = try OpenCLDriver(index: 0, library: library, cache: cache)
    let pool = StoragePool(allocator: driver, device: driver.device)
    let (small, large) = (try pool.allocate(byteCount: 4000), try pool.allocate(byteCount: workloadBytes.count))
    try workloadBytes.withUnsafeBytes { bytes in
        try driver.upload(bytes, to: large.address)
        try driver.upload(UnsafeRawBufferPointer(rebasing: bytes[..<4000]), to: small.address)
    }
    let arguments: [KernelArgument] = [.buffer(small), .buffer(nil), .int(1), .long(2), .float(3)]
    for round in 0..<40 {
        let program = GPUProgram(round < 20 ? .elementwise : .rows, ["LANES": 1])
        let kernel = GPUKernel(program: program, name: "kernel \(round % 3)")
        try driver.launch(kernel, LaunchSize(groups: (2, 3, 1), threads: (8, 1, 1)), arguments)
    }
    try driver.copy(small.address, byteCount: 4000, to: large.address, offset: 8000)
    var result = [UInt8](repeating: 0, count: workloadBytes.count)
    try result.withUnsafeMutableBytes { try driver.download(large.address, into: $0) }
    // Whatever was made to fail: an answer is the right one.
    #expect(memcmp(result, workloadResult, result.count) == 0)
    try driver.synchronize()
}

/// More than what is uploaded on the side.
private let workloadBytes = (0..<(1 << 20) + 1).map { UInt8(truncatingIfNeeded: $0 / 100) }
private let workloadResult = Array(workloadBytes[..<8000] + workloadBytes[..<4000] + workloadBytes[12000...])

/// A model's operations over the GPU family.
func backendWorkload(_ library: OpenCLLibrary) throws {
    let backend = GPUBackend(driver: try OpenCLDriver(index: 0, library: library, cache: nil))
    let segments = Segments(lengths: [3, 4])
    let x = try Tensor((0..<56).map(Float.init), shape: [7, 8], on: backend)
    let weight = try Tensor.filled(0.5, shape: [24, 8], on: backend).prepared(for: .linear)
    let norm = Normalization(
        gain: try .filled(1, shape: [8], on: backend), bias: try .filled(0, shape: [8], on: backend), epsilon: 1e-5)
    let attended = try x.layerNorm(norm).linear(weight).attention(heads: 2, segments: segments)
    _ = try attended.adding(x).argmax().hostArray()
}
