import GPUBackends
import Glibc
import TensorEngine
import Testing

/// Everything that a driver is asked for: memory, copies small and large, programs, kernels, events, order.
func exercise(_ driver: some GPUDriver) throws {
    let pool = StoragePool(allocator: driver, device: driver.device)
    let (small, large) = (try pool.allocate(byteCount: 4000), try pool.allocate(byteCount: workloadBytes.count))
    try workloadBytes.withUnsafeBytes { bytes in
        try driver.upload(bytes, to: large.address)
        try driver.upload(UnsafeRawBufferPointer(rebasing: bytes[..<4000]), to: small.address)
    }
    let arguments: [KernelArgument] = [.buffer(small), .buffer(nil), .int(1), .long(2), .float(3)]
    for round in 0..<40 {
        let program =
            round < 20
            ? GPUProgram(.elementwise, ["LANES": 1]) : GPUProgram(.rows, ["LANES": 1], sharedByteCount: 64 << 10)
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

/// More than what any driver uploads on the side in one piece.
private let workloadBytes = (0..<(1 << 20) + 1).map { UInt8(truncatingIfNeeded: $0 / 100) }
private let workloadResult = Array(workloadBytes[..<8000] + workloadBytes[..<4000] + workloadBytes[12000...])

/// A model's operations over the GPU family.
func exercise(_ backend: GPUBackend) throws {
    let segments = Segments(lengths: [3, 4])
    let x = try Tensor((0..<56).map(Float.init), shape: [7, 8], on: backend)
    let weight = try Tensor.filled(0.5, shape: [24, 8], on: backend).prepared(for: .linear)
    let norm = Normalization(
        gain: try .filled(1, shape: [8], on: backend), bias: try .filled(0, shape: [8], on: backend), epsilon: 1e-5)
    let attended = try x.layerNorm(norm).linear(weight).attention(heads: 2, segments: segments)
    _ = try attended.adding(x).argmax().hostArray()
}

/// A fake of a vendor's library, as tests of faults need it.
struct FakeLibrary<Library> {
    /// A fresh one whose call of that number fails; none for 0.
    let make: (_ failingCall: Int64) -> Library
    /// Objects that our side counts.
    let liveObjectCount: (Library) -> Int
    /// What the fake counts, since the last fresh one or ever.
    let callCount: () -> Int64
    let objectCount: () -> Int64
    let failedCall: () -> String?

    /// Runs a workload once with each of its calls made to fail: a typed error or the right answer, nothing left
    /// behind.
    func failEveryCall(_ workload: (Library) throws -> Void) throws -> (calls: Int64, errors: [TensorError]) {
        let before = objectCount()
        try workload(make(0))
        let calls = callCount()
        #expect(objectCount() == before)
        var errors: [TensorError] = []
        for call in 1...calls {
            let library = make(call)
            do { try workload(library) } catch let error as TensorError { errors.append(error) }
            let name = failedCall()
            #expect(name != nil, "call \(call) of \(calls) was not made")
            #expect(liveObjectCount(library) == 0, "after call \(call), \(name ?? "")")
            #expect(objectCount() == before, "after call \(call), \(name ?? "")")
        }
        // As if nothing had happened.
        try workload(make(0))
        #expect(callCount() == calls)
        return (calls, errors)
    }
}

/// What is said when a device can't be had: the words that help.
func expectUnavailable(
    _ words: [String], sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
) {
    let error = #expect(throws: TensorError.self, sourceLocation: sourceLocation) { try body() }
    #expect(error?.kind == .deviceUnavailable, sourceLocation: sourceLocation)
    for word in words {
        #expect(
            error?.description.contains(word) == true, "\(word) in \(error?.description ?? "")",
            sourceLocation: sourceLocation)
    }
}
