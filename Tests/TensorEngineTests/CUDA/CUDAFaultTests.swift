import CUDAShim
import FakeCUDA
import GPUBackends
import TensorEngine
import Testing

extension FakeCUDATests {
    /// Whatever fails, once and anywhere: a typed error or the right answer, nothing left behind, no call that the
    /// manual forbids, the process lives on.
    @Suite struct CUDAFaultTests {
        private static let statuses = [cudaOutOfMemory, cudaLaunchFailed, cudaInvalidImage, cudaInvalidDevice]

        private func failEveryCall(
            _ status: CUDAStatus, _ workload: (CUDALibrary) throws -> Void
        ) throws -> (calls: Int64, errors: [TensorError]) {
            let fake = FakeLibrary(
                make: { call in
                    #expect(fakeMisuse() == nil)
                    return fakeCUDA {
                        $0.failingCall = call
                        $0.status = status.rawValue
                    }
                }, liveObjectCount: \.liveObjectCount, callCount: fakeCUDACallCount, objectCount: fakeCUDAObjectCount,
                failedCall: { fakeCUDAFailedCall().map { String(cString: $0) } })
            defer { #expect(fakeMisuse() == nil) }
            return try fake.failEveryCall(workload)
        }

        @Test(arguments: statuses.map(\.rawValue))
        func everyCallOfTheDriverMayFail(status: UInt32) throws {
            let outcome = try failEveryCall(CUDAStatus(status)) { try exercise(openFakeCUDA($0)) }
            #expect(outcome.calls > 150)
            // Releases can be made good, memory that can't be pinned, and NVRTC's own words.
            #expect(outcome.errors.count > 120)
            let kinds = Set(outcome.errors.map(\.kind))
            #expect(kinds.isSubset(of: [.outOfMemory, .deviceFailure, .deviceUnavailable]))
            #expect(outcome.errors.allSatisfy { $0.remedy?.isEmpty == false })
        }

        @Test func everyCallOfABackendMayFail() throws {
            let failed = try failEveryCall(cudaLaunchFailed) { try exercise(GPUBackend(driver: openFakeCUDA($0))) }
            #expect(failed.errors.count > 50)
            // A driver that has no memory for a moment gets it from the pool.
            let full = try failEveryCall(cudaOutOfMemory) { try exercise(GPUBackend(driver: openFakeCUDA($0))) }
            #expect(full.errors.count < failed.errors.count)
        }

        @Test func everyCallMayFailWithAndWithoutProgramsInTheCache() throws {
            try withTemporaryFolder { folder in
                var run = 0
                _ = try failEveryCall(cudaOutOfMemory) { library in
                    run += 1
                    try exercise(openFakeCUDA(library, cache: ProgramCache(folder: "\(folder)/\(run)")))
                }
                let full = ProgramCache(folder: "\(folder)/full")
                try exercise(openFakeCUDA(fakeCUDA(), cache: full))
                _ = try failEveryCall(cudaInvalidImage) { try exercise(openFakeCUDA($0, cache: full)) }
            }
        }

        @Test func everyCommandMayFailAfterItWasQueued() throws {
            try exercise(openFakeCUDA(fakeCUDA()))
            let commandCount = fakeCUDACommandCount()
            #expect(commandCount > 40)
            for command in 1...commandCount {
                let library = fakeCUDA { $0.failingCommand = command }
                let error = #expect(throws: TensorError.self, "command \(command)") {
                    try exercise(openFakeCUDA(library))
                }
                #expect(error?.kind == .deviceFailure)
                #expect(error?.detail.contains("CUDA_ERROR_LAUNCH_FAILED") == true)
                #expect(library.liveObjectCount == 0 && fakeCUDAObjectCount() == 0 && fakeMisuse() == nil)
            }
        }

        /// A kernel's failure stays with the context, whatever is asked for; a fresh context is well again.
        @Test func aFailureOfTheDeviceIsNotTakenForALackOfMemory() throws {
            let library = fakeCUDA { $0.failingCommand = 1 }
            do {
                let backend = try GPUBackend(driver: openFakeCUDA(library))
                _ = try Tensor.filled(1, shape: [8], on: backend)
                for _ in 0..<2 {
                    let failure = #expect(throws: TensorError.self) { try backend.synchronize() }
                    #expect(failure?.kind == .deviceFailure)
                }
                let failure = #expect(throws: TensorError.self) { try backend.pool.allocate(byteCount: 1 << 20) }
                #expect(failure?.kind == .deviceFailure)
            }
            #expect(library.liveObjectCount == 0)
            try exercise(openFakeCUDA(library))
            #expect(fakeMisuse() == nil)
        }

        @Test func memoryThatThePoolHoldsIsGivenBackWhenThereIsNoOther() throws {
            let driver = try openFakeCUDA(fakeCUDA { $0.memoryByteCount = 10_000 })
            let pool = StoragePool(allocator: driver, device: driver.device)
            _ = try pool.allocate(byteCount: 8000)
            #expect(pool.statistics.cachedByteCount >= 8000)
            let storage = try pool.allocate(byteCount: 5000)
            let error = #expect(throws: TensorError.self) { try pool.allocate(byteCount: 8000) }
            #expect(error?.kind == .outOfMemory)
            #expect(storage.byteCount == 5000)
        }

        @Test func uploadsWorkWhereNoMemoryCanBePinned() throws {
            let library = fakeCUDA { $0.hasNoPinnedMemory = 1 }
            try exercise(openFakeCUDA(library))
            #expect(library.liveObjectCount == 0 && fakeMisuse() == nil)
        }

        /// The source may change when an upload returns, however late the device reads.
        @Test(arguments: [0, 1]) func uploadsKeepWhatTheySaw(hasNoPinnedMemory: UInt32) throws {
            let driver = try openFakeCUDA(fakeCUDA { $0.hasNoPinnedMemory = hasNoPinnedMemory })
            let pool = StoragePool(allocator: driver, device: driver.device)
            // More than all slots hold.
            let storage = try pool.allocate(byteCount: 34 << 20)
            var bytes = (0..<34 << 20).map { UInt8(truncatingIfNeeded: $0 / 1000) }
            let expected = bytes
            try bytes.withUnsafeBytes { try driver.upload($0, to: storage.address) }
            for index in bytes.indices { bytes[index] = 0 }
            try bytes.withUnsafeMutableBytes { try driver.download(storage.address, into: $0) }
            #expect(bytes == expected)
        }

        @Test func backendsOfOneDeviceShareItsContextAndEndInAnyOrder() throws {
            let library = fakeCUDA { $0.deviceCount = 2 }
            var first: CUDADriver? = try openFakeCUDA(library)
            let (second, other) = (try openFakeCUDA(library), try openFakeCUDA(library, index: 1))
            try first.map(exercise)
            try exercise(other)
            first = nil
            try exercise(second)
            #expect(fakeMisuse() == nil)
        }

        @Test func threadsShareADriver() async throws {
            let library = fakeCUDA()
            do {
                let driver = try openFakeCUDA(library)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<4 { group.addTask { for _ in 0..<3 { try exercise(driver) } } }
                    try await group.waitForAll()
                }
            }
            #expect(library.liveObjectCount == 0 && fakeCUDAObjectCount() == 0 && fakeMisuse() == nil)
        }

        @Test func aLibraryMayGoBeforeWhatWasMadeByIt() throws {
            var library: CUDALibrary? = fakeCUDA()
            let driver = try library.map { try openFakeCUDA($0) }
            library = nil
            try driver.map(exercise)
            #expect(fakeMisuse() == nil)
        }
    }
}
