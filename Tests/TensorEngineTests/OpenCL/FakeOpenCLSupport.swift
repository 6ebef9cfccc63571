import FakeOpenCL
import GPUBackends
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

func driverWorkload(_ library: OpenCLLibrary, cache: ProgramCache?) throws {
    try exercise(OpenCLDriver(index: 0, library: library, cache: cache))
}

func backendWorkload(_ library: OpenCLLibrary) throws {
    try exercise(GPUBackend(driver: OpenCLDriver(index: 0, library: library, cache: nil)))
}
