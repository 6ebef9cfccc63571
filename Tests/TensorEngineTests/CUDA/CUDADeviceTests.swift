import CUDAShim
import FakeCUDA
import FoundationEssentials
import GPUBackends
import TensorEngine
import Testing

/// What is said when a device can't be had.
@Suite struct CUDALibraryTests {
    @Test func aMissingLibraryNamesWhatToInstall() {
        expectUnavailable(["device cuda", "libabsent.so.7", "install NVIDIA's driver", "XLSR_CUDA"]) {
            _ = try CUDALibrary(path: "libabsent.so.7")
        }
        expectUnavailable(["libabsent.so.7", "pip install nvidia-cuda-nvrtc-cu12", "XLSR_NVRTC"]) {
            _ = try CUDACompiler.shared(paths: ["libabsent.so.7", "libabsent.so"])
        }
        expectUnavailable(["no NVRTC"]) { _ = try CUDACompiler.shared(paths: []) }
    }

    @Test func aLibraryThatIsAnotherIsRefused() {
        expectUnavailable(["libm.so.6 has no cuInit", "XLSR_CUDA"]) { _ = try CUDALibrary(path: "libm.so.6") }
        // Tells more than one that isn't there.
        expectUnavailable(["libm.so.6 has no nvrtcVersion", "XLSR_NVRTC"]) {
            _ = try CUDACompiler.shared(paths: ["libabsent.so", "libm.so.6"])
        }
    }

    @Test func nvrtcIsSearchedInOrderAndNoFileTwice() throws {
        try withTemporaryFolder { folder in
            func make(_ path: String) throws {
                let parent = "\(folder)/\(path)".split(separator: "/").dropLast().joined(separator: "/")
                try FileManager.default.createDirectory(atPath: "/\(parent)", withIntermediateDirectories: true)
                try Data().write(to: URL(filePath: "\(folder)/\(path)"))
            }
            let files = [
                "cuda/lib64/libnvrtc.so.12", "venv/lib/python3.9/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.12",
                "venv/lib/python3.12/site-packages/nvidia/cu13/lib/libnvrtc.so.13",
                "venv/lib/python3.12/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.12",
                "pyenv/versions/3.11.7/lib/python3.11/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.12",
            ]
            try files.forEach(make)
            try FileManager.default.createSymbolicLink(
                atPath: "\(folder)/cuda/lib", withDestinationPath: "\(folder)/cuda/lib64")
            let variables = [
                "CUDA_HOME": "\(folder)/cuda", "VIRTUAL_ENV": "\(folder)/venv", "PYENV_ROOT": "\(folder)/pyenv",
            ]
            let paths = CUDALibrarySearch.nvrtc { variables[$0] }.paths
            // First what the loader knows.
            #expect(paths.prefix(2) == ["libnvrtc.so.13", "libnvrtc.so.12"])
            let found = paths.filter { $0.hasPrefix(folder) }
            #expect(found == [files[0], files[2], files[3], files[1], files[4]].map { "\(folder)/\($0)" })
            let named = CUDALibrarySearch.nvrtc { $0 == "XLSR_NVRTC" ? "/there/libnvrtc.so" : variables[$0] }
            #expect(named.paths == ["/there/libnvrtc.so"])
        }
    }
}

extension FakeCUDATests {
    @Suite struct CUDADeviceTests {
        private func expectUnavailable(
            _ words: [String], index: Int = 0, sourceLocation: SourceLocation = #_sourceLocation,
            _ change: (inout FakeCUDASettings) -> Void
        ) {
            let library = fakeCUDA(change)
            TensorEngineTests.expectUnavailable(words + ["device cuda"], sourceLocation: sourceLocation) {
                _ = try openFakeCUDA(library, index: index)
            }
            #expect(library.liveObjectCount == 0 && fakeMisuse() == nil, sourceLocation: sourceLocation)
        }

        @Test func whatIsMissingIsSaid() {
            expectUnavailable(["the NVIDIA driver shows no GPU", "CUDA_VISIBLE_DEVICES"]) { $0.deviceCount = 0 }
            expectUnavailable(["there is one GPU", "use cuda"], index: 1) { _ in }
            expectUnavailable(["cuda:3", "there are 2 GPUs", "use cuda, cuda:1"], index: 3) { $0.deviceCount = 2 }
            // A driver that doesn't start: no more can be done in this program.
            expectUnavailable(["CUDA_ERROR_NOT_INITIALIZED", "nvidia-smi"]) {
                ($0.failingCall, $0.status) = (1, cudaNotInitialized.rawValue)
            }
        }

        @Test func everyDeviceIsListedAndTheLastOneWorks() throws {
            let library = fakeCUDA { $0.deviceCount = 3 }
            let devices = try CUDADevice.all(of: library)
            #expect(devices.map(\.properties.name) == ["Fake GPU 0", "Fake GPU 1", "Fake GPU 2"])
            #expect(devices.allSatisfy { $0.capability == 90 && $0.properties.driverVersion == "12.9" })
            let last = try openFakeCUDA(library, index: 2)
            #expect(last.device == .cuda(2))
            try exercise(last)
            #expect(fakeMisuse() == nil)
        }

        @Test func codeIsMadeForTheGPUOrTheNewestBeforeIt() throws {
            func target(_ capability: Int, compilerMajorVersion: UInt32 = 12) throws -> String {
                _ = fakeCUDA { $0.compilerMajorVersion = compilerMajorVersion }
                return try CUDACompiler(functions: fakeNVRTCFunctions(), path: "").target(forCapability: capability)
            }
            #expect(try target(75) == "sm_75")
            #expect(try target(90) == "sm_90a")
            #expect(try target(90, compilerMajorVersion: 11) == "sm_90")
            #expect(try target(100) == "sm_100")
            // Translated by the driver.
            #expect(try target(87) == "compute_86")
            #expect(try target(95) == "compute_90")
            #expect(try target(120) == "compute_100")
        }

        @Test func aCompilerThatSuitsNeitherGPUNorDriverIsPassedOver() throws {
            func mismatch(_ change: (inout FakeCUDASettings) -> Void) throws -> TensorError? {
                let device = try CUDADevice.at(0, of: fakeCUDA(change))
                return try CUDACompiler(functions: fakeNVRTCFunctions(), path: "").mismatch(with: device)
            }
            #expect(try mismatch { _ in } == nil)
            let old = try #require(try mismatch { $0.capability = 61 })
            #expect(old.kind == .deviceUnavailable)
            #expect(old.detail.contains("capability 7.5 and up, and the GPU has 6.1"))
            let new = try #require(try mismatch { $0.compilerMajorVersion = 13 })
            #expect(new.detail.contains("takes CUDA up to 12.9"))
            #expect(new.remedy?.contains("pip install nvidia-cuda-nvrtc-cu12") == true)
        }

        @Test(arguments: [87, 90, 120]) func machineCodeAndPortableCodeLoad(capability: UInt32) throws {
            try exercise(openFakeCUDA(fakeCUDA { $0.capability = capability }))
            #expect(fakeMisuse() == nil)
        }

        @Test func whatADriverRefusesIsSaid() throws {
            let driver = try openFakeCUDA(fakeCUDA { $0.refusesImages = 1 })
            let error = #expect(throws: TensorError.self) { try launch(driver, GPUProgram(.rows)) }
            #expect(error?.operation == "load rows")
            #expect(error?.description.contains("update NVIDIA's driver") == true)
        }

        @Test func aProgramThatDoesNotCompileShowsTheCompilersFirstLines() throws {
            let driver = try openFakeCUDA(fakeCUDA())
            let error = #expect(throws: TensorError.self) { try launch(driver, GPUProgram(.rows, ["WRONG": 1])) }
            #expect(error?.kind == .deviceFailure)
            #expect(error?.operation == "compile rows")
            #expect(error?.description.contains("Portable/Rows.cl(7): error: no such thing") == true)
            try launch(driver, GPUProgram(.rows))
        }

        @Test func programsThatWillBeUsedAreCompiledAtOnce() throws {
            try withTemporaryFolder { folder in
                let cache = ProgramCache(folder: folder)
                let wrong = GPUProgram(.rows, ["WRONG": 1])
                let right = [KernelSource.elementwise, .rows, .movement].map { GPUProgram($0) }
                do {
                    let driver = try openFakeCUDA(fakeCUDA(), cache: cache)
                    try launch(driver, right[0])
                    driver.compileAhead(right + [wrong])
                    #expect(fakeCUDACompilationCount() == 3)
                    for program in right { try launch(driver, program) }
                    #expect(driver.programStatistics.compiledCount == 3 && fakeCUDACompilationCount() == 3)
                    #expect(throws: TensorError.self) { try launch(driver, wrong) }
                }
                let second = try openFakeCUDA(fakeCUDA(), cache: cache)
                second.compileAhead(right)
                try launch(second, right[2])
                #expect(second.programStatistics.loadedCount == 1 && fakeCUDACompilationCount() == 0)
                #expect(fakeMisuse() == nil)
            }
        }

        @Test func moreGroupsThanCUDALaunchesAreRefused() throws {
            let driver = try openFakeCUDA(fakeCUDA())
            for groups in [(1, 65_536, 1), (1, 1, 65_536), (1 << 31, 1, 1)] {
                let error = #expect(throws: TensorError.self) {
                    try launch(driver, GPUProgram(.rows), groups: groups)
                }
                #expect(error?.kind == .unsupported)
            }
            try launch(driver, GPUProgram(.rows), groups: (1 << 20, 65_535, 65_535))
            #expect(fakeMisuse() == nil)
        }

        @Test func aSecondDriverCompilesNothingUnlessTheFirstOnesCodeIsRefused() throws {
            func statistics(
                _ cache: ProgramCache, _ change: (inout FakeCUDASettings) -> Void = { _ in }
            ) throws -> ProgramStatistics {
                let driver = try openFakeCUDA(fakeCUDA(change), cache: cache)
                for source in [KernelSource.elementwise, .rows] { try launch(driver, GPUProgram(source)) }
                try driver.synchronize()
                #expect(Int64(driver.programStatistics.compiledCount) == fakeCUDACompilationCount())
                return driver.programStatistics
            }
            try withTemporaryFolder { folder in
                let cache = ProgramCache(folder: folder)
                let first = try statistics(cache)
                #expect(first.compiledCount == 2 && first.loadedCount == 0)
                let second = try statistics(cache)
                #expect(second.compiledCount == 0 && second.loadedCount == 2)
                // Another GPU, another compiler.
                #expect(try statistics(cache) { $0.capability = 80 }.compiledCount == 2)
                #expect(try statistics(cache) { $0.compilerMajorVersion = 11 }.compiledCount == 2)
            }
        }
    }
}
