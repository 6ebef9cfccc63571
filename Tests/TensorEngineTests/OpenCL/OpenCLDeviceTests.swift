import FakeOpenCL
import GPUBackends
import OpenCLShim
import TensorEngine
import Testing

/// What is said when a device can't be had.
@Suite struct OpenCLLibraryTests {
    @Test func aMissingLibraryNamesThePackages() {
        expectUnavailable(["libabsent.so.7", "apt-get install ocl-icd-libopencl1", "pocl-opencl-icd", "XLSR_OPENCL"]) {
            _ = try OpenCLLibrary(paths: ["libabsent.so.7", "libabsent.so"])
        }
    }

    @Test func aLibraryThatIsNotOpenCLIsRefused() {
        expectUnavailable(["libm.so.6", "clGetPlatformIDs", "XLSR_OPENCL"]) {
            _ = try OpenCLLibrary(paths: ["libm.so.6"])
        }
    }
}

extension FakeOpenCLTests {
    @Suite struct OpenCLDeviceTests {
        private func expectUnavailable(
            _ words: [String], index: Int = 0, sourceLocation: SourceLocation = #_sourceLocation,
            _ change: (inout FakeOpenCLSettings) -> Void
        ) {
            let library = fakeOpenCL(change)
            TensorEngineTests.expectUnavailable(words + ["device opencl"], sourceLocation: sourceLocation) {
                _ = try OpenCLDriver(index: index, library: library, cache: nil)
            }
            #expect(library.liveObjectCount == 0, sourceLocation: sourceLocation)
        }

        @Test func whatIsMissingIsSaid() {
            expectUnavailable(["no OpenCL driver is installed", "apt-get install pocl-opencl-icd"]) {
                $0.platformCount = 0
            }
            expectUnavailable(["no device", "Fake platform", "apt-get install pocl-opencl-icd"]) { $0.deviceCount = 0 }
            expectUnavailable(["Fake device is not available", "xlsr devices"]) { $0.isAvailable = 0 }
            expectUnavailable(["no compiler", "xlsr devices"]) { $0.hasCompiler = 0 }
            expectUnavailable(["opencl:2", "there are 2 OpenCL devices", "use opencl, opencl:1"], index: 2) {
                $0.deviceCount = 2
            }
            // A platform that fails is not one without devices.
            expectUnavailable(["CL_OUT_OF_HOST_MEMORY"]) {
                $0.failingCall = 3
                $0.status = openCLOutOfHostMemory.rawValue
            }
        }

        @Test func devicesAreGPUsThenAcceleratorsThenProcessorsOfAllPlatforms() throws {
            let types = [openCLDeviceTypeCPU, openCLDeviceTypeAccelerator, openCLDeviceTypeGPU, openCLDeviceTypeGPU]
            let library = fakeOpenCL {
                ($0.platformCount, $0.deviceCount) = (2, 4)
                $0.deviceTypes = (types[0].rawValue, types[1].rawValue, types[2].rawValue, types[3].rawValue)
            }
            let devices = try OpenCLDevices(of: library)
            #expect(devices.platforms.map(\.name) == ["Fake platform", "Fake platform"])
            #expect(
                devices.devices.map(\.typeName)
                    == ["GPU", "GPU", "GPU", "GPU", "accelerator", "accelerator", "CPU", "CPU"])
            #expect(devices.devices.map(\.properties.kind).prefix(6).allSatisfy { $0 == .gpu })
            // Never more lanes than kernels are written for.
            #expect(devices.devices.last?.properties.kind == .cpu(lanes: 16))
            #expect(devices.firstIsUsableGPU)
            let last = try OpenCLDriver(index: 7, library: library, cache: nil)
            #expect(last.device == .opencl(7))
            #expect(last.properties.kind == .cpu(lanes: 16))
            let processor = fakeOpenCL { $0.deviceTypes.0 = openCLDeviceTypeCPU.rawValue }
            #expect(try !OpenCLDevices(of: processor).firstIsUsableGPU)
        }
    }

    @Suite struct OpenCLCacheTests {
        private func statistics(
            _ cache: ProgramCache, _ change: (inout FakeOpenCLSettings) -> Void = { _ in }
        ) throws -> ProgramStatistics {
            let driver = try OpenCLDriver(index: 0, library: fakeOpenCL(change), cache: cache)
            for source in [KernelSource.elementwise, .rows] {
                let kernel = GPUKernel(program: GPUProgram(source, ["LANES": 1]), name: "kernel")
                try driver.launch(kernel, LaunchSize(groups: (1, 1, 1)), [])
            }
            try driver.synchronize()
            let statistics = driver.programStatistics
            #expect(Int64(statistics.compiledCount) == fakeOpenCLCompilationCount())
            return statistics
        }

        @Test func aSecondDriverCompilesNothing() throws {
            try withTemporaryFolder { folder in
                let cache = ProgramCache(folder: folder)
                let first = try statistics(cache)
                #expect(first.compiledCount == 2 && first.loadedCount == 0)
                let second = try statistics(cache)
                #expect(second.compiledCount == 0 && second.loadedCount == 2)
            }
        }

        @Test func programsThatTheDriverRefusesAreCompiledAgain() throws {
            try withTemporaryFolder { folder in
                let cache = ProgramCache(folder: folder)
                _ = try statistics(cache)
                let refused = try statistics(cache) { $0.refusesBinaries = 1 }
                #expect(refused.compiledCount == 2 && refused.loadedCount == 0)
            }
        }
    }
}
