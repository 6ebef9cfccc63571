import CUDAShim
import FakeCUDA
import GPUBackends
import TensorEngine
import Testing

/// The tests over the fake CUDA, of which a process has one: they take turns.
@Suite(.serialized) enum FakeCUDATests {}

/// A fresh library over the fake, with settings changed from one GPU where nothing fails.
func fakeCUDA(_ change: (inout FakeCUDASettings) -> Void = { _ in }) -> CUDALibrary {
    var settings = fakeCUDADefaults()
    change(&settings)
    fakeCUDAReset(settings)
    return CUDALibrary(functions: fakeCUDAFunctions(), path: "fake")
}

func fakeMisuse() -> String? { fakeCUDAMisuse().map { String(cString: $0) } }

/// As `CUDADriver(index:)` opens the real one.
/// - Parameter multiplies: whether there is a cuBLASLt.
func openFakeCUDA(
    _ library: CUDALibrary, index: Int = 0, cache: ProgramCache? = nil, multiplies: Bool = false, usesTF32: Bool = false
) throws -> CUDADriver {
    let target = try CUDADevice.at(index, of: library)
    let compiler = try CUDACompiler(functions: fakeNVRTCFunctions(), path: "fake")
    let products = multiplies ? try CUBLASLt(functions: fakeCUBLASLtFunctions(), path: "fake") : nil
    return try CUDADriver(
        target, of: library, compiler: compiler, cache: cache, products: products.map { .success($0) },
        usesTF32: usesTF32)
}

func launch(_ driver: CUDADriver, _ program: GPUProgram, groups: (x: Int, y: Int, z: Int) = (1, 1, 1)) throws {
    try driver.launch(GPUKernel(program: program, name: "kernel"), LaunchSize(groups: groups), [.int(1)])
}
