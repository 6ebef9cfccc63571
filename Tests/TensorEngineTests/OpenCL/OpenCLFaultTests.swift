import FakeOpenCL
import GPUBackends
import OpenCLShim
import TensorEngine
import Testing

extension FakeOpenCLTests {
    /// Whatever fails, once and anywhere: a typed error or the right answer, nothing left behind, the process lives on.
    @Suite struct OpenCLFaultTests {
        private static let statuses = [openCLOutOfResources, openCLDeviceNotAvailable, openCLInvalidValue]

        private func failEveryCall(
            _ status: OpenCLStatus, _ workload: (OpenCLLibrary) throws -> Void
        ) throws -> (calls: Int64, errors: [TensorError]) {
            let fake = FakeLibrary(
                make: { call in
                    fakeOpenCL {
                        $0.failingCall = call
                        $0.status = status.rawValue
                    }
                }, liveObjectCount: \.liveObjectCount, callCount: fakeOpenCLCallCount,
                objectCount: fakeOpenCLObjectCount, failedCall: { fakeOpenCLFailedCall().map { String(cString: $0) } })
            return try fake.failEveryCall(workload)
        }

        @Test(arguments: statuses.map(\.rawValue))
        func everyCallOfTheDriverMayFail(status: Int32) throws {
            let outcome = try failEveryCall(OpenCLStatus(status)) { try driverWorkload($0, cache: nil) }
            #expect(outcome.calls > 200)
            // Most can't be made good: only looks at events, flushes and releases can.
            #expect(outcome.errors.count > 150)
            let kinds = Set(outcome.errors.map(\.kind))
            #expect(kinds.isSubset(of: [.outOfMemory, .deviceFailure, .deviceUnavailable]))
            #expect(outcome.errors.allSatisfy { $0.remedy?.isEmpty == false })
        }

        @Test func everyCallOfABackendMayFail() throws {
            let outcome = try failEveryCall(openCLOutOfResources, backendWorkload)
            #expect(outcome.calls > 50)
            #expect(!outcome.errors.isEmpty)
        }

        @Test func everyCallMayFailWithAndWithoutProgramsInTheCache() throws {
            try withTemporaryFolder { folder in
                var run = 0
                _ = try failEveryCall(openCLOutOfHostMemory) { library in
                    run += 1
                    try driverWorkload(library, cache: ProgramCache(folder: "\(folder)/\(run)"))
                }
                let full = ProgramCache(folder: "\(folder)/full")
                try driverWorkload(fakeOpenCL(), cache: full)
                _ = try failEveryCall(openCLInvalidBinary) { try driverWorkload($0, cache: full) }
            }
        }

        @Test func everyCommandMayFailAfterItWasQueued() throws {
            try driverWorkload(fakeOpenCL(), cache: nil)
            let commandCount = fakeOpenCLCommandCount()
            #expect(commandCount > 40)
            for command in 1...commandCount {
                let library = fakeOpenCL {
                    $0.failingCommand = command
                    $0.status = openCLOutOfResources.rawValue
                }
                #expect(throws: TensorError.self, "command \(command)") { try driverWorkload(library, cache: nil) }
                #expect(library.liveObjectCount == 0)
                #expect(fakeOpenCLObjectCount() == 0)
            }
        }

        @Test func whatFailedLaterIsNamedAndEveryReaderIsTold() throws {
            let library = fakeOpenCL {
                $0.failingCommand = 2
                $0.status = openCLMemoryAllocationFailure.rawValue
            }
            let driver = try OpenCLDriver(index: 0, library: library, cache: nil)
            let pool = StoragePool(allocator: driver, device: driver.device)
            let storage = try pool.allocate(byteCount: 64)
            for name in ["first", "second", "third"] {
                try driver.launch(
                    GPUKernel(program: GPUProgram(.rows), name: name), LaunchSize(groups: (1, 1, 1)),
                    [.buffer(storage)])
            }
            var bytes = [UInt8](repeating: 0, count: 64)
            for _ in 0..<2 {
                let error = #expect(throws: TensorError.self) {
                    try bytes.withUnsafeMutableBytes { try driver.download(storage.address, into: $0) }
                }
                #expect(error?.operation == "second")
                // Not of kind `outOfMemory`: trying again would read what was never written.
                #expect(error?.kind == .deviceFailure)
                #expect(error?.detail.contains("CL_MEM_OBJECT_ALLOCATION_FAILURE") == true)
            }
            #expect(throws: TensorError.self) { try driver.synchronize() }
        }

        @Test func aQueueThatNobodyWaitsForStaysShort() throws {
            func launches(_ count: Int, on library: OpenCLLibrary) throws {
                let driver = try OpenCLDriver(index: 0, library: library, cache: nil)
                let kernel = GPUKernel(program: GPUProgram(.rows), name: "kernel")
                var most = 0
                for _ in 0..<count {
                    try driver.launch(kernel, LaunchSize(groups: (1, 1, 1)), [])
                    most = max(most, library.liveObjectCount)
                }
                #expect(most < 1100)
                try driver.synchronize()
            }
            try launches(3000, on: fakeOpenCL())
            try launches(1025, on: fakeOpenCL())
            // The wait is one of the last calls.
            let callCount = fakeOpenCLCallCount()
            for call in (callCount - 1500)...callCount where call % 7 == 0 || call > callCount - 1030 && call % 3 == 0 {
                let library = fakeOpenCL {
                    $0.failingCall = call
                    $0.status = openCLOutOfResources.rawValue
                }
                do { try launches(1025, on: library) } catch is TensorError {}
                #expect(library.liveObjectCount == 0)
            }
        }

        @Test func stagingMemoryIsBounded() throws {
            let driver = try OpenCLDriver(index: 0, library: fakeOpenCL(), cache: nil)
            let pool = StoragePool(allocator: driver, device: driver.device)
            let bytes = [UInt8](repeating: 3, count: 1_000_000)
            let storage = try pool.allocate(byteCount: bytes.count)
            let uploadCount = 200
            for _ in 0..<uploadCount {
                try bytes.withUnsafeBytes { try driver.upload($0, to: storage.address) }
            }
            #expect(fakeOpenCLLongestQueue() > 1)
            #expect(fakeOpenCLLongestQueue() < 80)
        }

        @Test func memoryThatThePoolHoldsIsGivenBackWhenThereIsNoOther() throws {
            let library = fakeOpenCL { $0.memoryByteCount = 10_000 }
            let driver = try OpenCLDriver(index: 0, library: library, cache: nil)
            let pool = StoragePool(allocator: driver, device: driver.device)
            _ = try pool.allocate(byteCount: 8000)
            #expect(pool.statistics.cachedByteCount >= 8000)
            let storage = try pool.allocate(byteCount: 5000)
            let error = #expect(throws: TensorError.self) { try pool.allocate(byteCount: 8000) }
            #expect(error?.kind == .outOfMemory)
            #expect(storage.byteCount == 5000)
        }

        @Test func aProgramThatDoesNotBuildShowsTheCompilersFirstLines() throws {
            let driver = try OpenCLDriver(index: 0, library: fakeOpenCL(), cache: nil)
            let kernel = GPUKernel(program: GPUProgram(.rows, ["WRONG": 1]), name: "softmax")
            let error = #expect(throws: TensorError.self) {
                try driver.launch(kernel, LaunchSize(groups: (1, 1, 1)), [])
            }
            #expect(error?.kind == .deviceFailure)
            #expect(error?.operation == "compile rows")
            #expect(error?.description.contains("Portable/Rows.cl:7: error: no such thing") == true)
            // Another program still works.
            let other = GPUKernel(program: GPUProgram(.rows), name: "softmax")
            try driver.launch(other, LaunchSize(groups: (1, 1, 1)), [])
        }
    }
}
