import GPUBackends
import OpenCLShim
import TensorEngine
import Testing

/// The adapter over a real OpenCL; skipped where there is none, which `requiredDevicesArePresent` turns into a failure
/// when there must be one.
@Suite struct OpenCLDriverTests {
    /// A library of its own counts its own objects. nil where no device is.
    private let library: OpenCLLibrary? = {
        guard let library = try? OpenCLLibrary(paths: ["libOpenCL.so.1"]) else { return nil }
        return (try? OpenCLDevices(of: library).device(at: 0)) == nil ? nil : library
    }()

    private let program = GPUProgram(.elementwise, ["LANES": 1, "BLOCK": 64])

    @Test func bytesTravelThroughTheDeviceAndNothingIsLeft() throws {
        guard let library else { return }
        do {
            let driver = try OpenCLDriver(index: 0, library: library, cache: nil)
            let pool = StoragePool(allocator: driver, device: driver.device, guardByteCount: 64)
            // Below and above the size from which uploads wait.
            for count in [0, 1, 1000, 300_000] {
                let values = (0..<count).map(Float.init)
                let (a, b) = (
                    try pool.allocate(byteCount: count * 4), try pool.allocate(byteCount: (count + 1) * 4)
                )
                try values.withUnsafeBytes { try driver.upload($0, to: a.address) }
                try driver.copy(a.address, byteCount: count * 4, to: b.address, offset: 4)
                var copy = [Float](repeating: 0, count: count + 1)
                try copy.withUnsafeMutableBytes { try driver.download(b.address, into: $0) }
                #expect(Array(copy.dropFirst()) == values)
            }
            #expect(pool.statistics.damagedGuardCount == 0)
        }
        #expect(library.liveObjectCount == 0)
    }

    @Test func damagedGuardBytesAreSeen() throws {
        guard let library else { return }
        let driver = try OpenCLDriver(index: 0, library: library, cache: nil)
        let pool = StoragePool(allocator: driver, device: driver.device, guardByteCount: 64)
        do {
            let storage = try pool.allocate(byteCount: 100)
            try [UInt8](repeating: 1, count: 101).withUnsafeBytes { try driver.upload($0, to: storage.address) }
        }
        #expect(pool.statistics.damagedGuardCount == 1)
    }

    @Test func wrongLaunchesAreTypedErrorsAndTheDriverLivesOn() throws {
        guard let library else { return }
        let driver = try OpenCLDriver(index: 0, library: library, cache: nil)
        let size = LaunchSize(groups: (1, 1, 1))
        func expectFailure(_ word: String, _ name: String, _ size: LaunchSize, _ arguments: [KernelArgument]) {
            let error = #expect(throws: TensorError.self) {
                try driver.launch(GPUKernel(program: program, name: name), size, arguments)
            }
            #expect(error?.description.contains(word) == true, "\(error?.description ?? "")")
        }
        expectFailure("CL_INVALID_KERNEL_NAME", "no_such_kernel", size, [])
        expectFailure("fill, argument 0", "fill", size, [.int(0)])
        expectFailure("CL_INVALID", "fill", LaunchSize(groups: (1, 1, 1), threads: (1 << 20, 1, 1)), [])
        try expectToFill(driver, program)
    }

    private func expectToFill(_ driver: OpenCLDriver, _ program: GPUProgram) throws {
        let pool = StoragePool(allocator: driver, device: driver.device)
        let storage = try pool.allocate(byteCount: 40)
        try driver.launch(
            GPUKernel(program: program, name: "fill"), LaunchSize(groups: (1, 1, 1)),
            [.buffer(storage), .long(10), .float(2.5)])
        var result = [Float](repeating: 0, count: 10)
        try result.withUnsafeMutableBytes { try driver.download(storage.address, into: $0) }
        #expect(result == [Float](repeating: 2.5, count: 10))
    }

    @Test func aTextThatDoesNotCompileNamesItsFileAndLine() throws {
        guard let library else { return }
        let driver = try OpenCLDriver(index: 0, library: library, cache: nil)
        // No such vector type.
        let kernel = GPUKernel(program: GPUProgram(.elementwise, ["LANES": 5, "BLOCK": 64]), name: "fill")
        let error = #expect(throws: TensorError.self) { try driver.launch(kernel, LaunchSize(groups: (1, 1, 1)), []) }
        #expect(error?.operation == "compile elementwise")
        #expect(error?.detail.contains("OpenCL/Prelude.cl:") == true, "\(error?.description ?? "")")
    }

    @Test func aSecondDriverTakesItsProgramFromTheCache() throws {
        guard let library else { return }
        try withTemporaryFolder { folder in
            for isFirst in [true, false] {
                let driver = try OpenCLDriver(index: 0, library: library, cache: ProgramCache(folder: folder))
                try expectToFill(driver, program)
                #expect(driver.programStatistics.compiledCount == (isFirst ? 1 : 0))
                #expect(driver.programStatistics.loadedCount == (isFirst ? 0 : 1))
            }
        }
    }
}
