import Backends
import TensorEngine
import Testing

/// Whether `openblas` really multiplies by the library: skipped where it is absent, which `requiredDevicesArePresent`
/// turns into a failure when it must be there.
@Suite struct OpenBLASTests {
    private func libraryProducts(on device: Device, _ body: (any Backend) throws -> Void) throws -> Int? {
        guard let backend = try? BackendRegistry.open(device) else { return nil }
        try body(backend)
        return backend.counters[.libraryProducts]
    }

    private func linear(_ backend: any Backend) throws {
        let x = try Tensor.filled(1, shape: [5, 8], on: backend)
        _ = try x.linear(Tensor.filled(2, shape: [3, 8], on: backend).prepared(for: .linear))
    }

    @Test func aLinearLayerIsOneCallOfTheLibrary() throws {
        guard let calls = try libraryProducts(on: .openblas, linear) else { return }
        #expect(calls == 1)
        #expect(try libraryProducts(on: .simd, linear) == 0)
    }

    @Test(arguments: [(10, 5, 2), (3, 2, 2), (2, 2, 1), (2, 3, 1), (5, 1, 5)])
    func aConvolutionIsAsManyCallsAsItsWindowsOverlap(kernel: Int, stride: Int, expected: Int) throws {
        let window = ConvolutionWindow(kernel: kernel, stride: stride, rows: 11)
        let calls = try libraryProducts(on: .openblas) { backend in
            let x = try Tensor.filled(1, shape: [window.inputRows, 4], on: backend)
            let weight = try Tensor.filled(2, shape: [3, kernel * 4], on: backend).prepared(for: .linear)
            _ = try x.convolution(weight, bias: nil, window: window)
        }
        #expect(calls == nil || calls == expected)
    }
}
