import CUDAShim
import FakeCUDA
import GPUBackends
import TensorEngine
import Testing

@Suite struct CUBLASLtLibraryTests {
    @Test func aMissingLibraryNamesWhatToInstall() {
        expectUnavailable(["libabsent.so.7", "pip install nvidia-cublas-cu12", "XLSR_CUBLASLT"]) {
            _ = try CUBLASLt.shared(paths: ["libabsent.so.7", "libabsent.so"])
        }
        expectUnavailable(["libm.so.6 has no cublasLtGetVersion", "XLSR_CUBLASLT"]) {
            _ = try CUBLASLt.shared(paths: ["libabsent.so", "libm.so.6"])
        }
    }

    @Test func theLibraryIsSearchedAsNVRTCIs() {
        let paths = CUDALibrarySearch.cublasLt { _ in nil }.paths
        #expect(paths.prefix(3) == ["libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so.11"])
        let named = CUDALibrarySearch.cublasLt { $0 == "XLSR_CUBLASLT" ? "/there/libcublasLt.so" : nil }
        #expect(named.paths == ["/there/libcublasLt.so"])
    }

    /// Where it is, its functions are there too, GPU or not.
    @Test func theRealOneOpens() throws {
        guard let library = try? CUBLASLt.shared() else { return print("cuBLASLt is absent") }
        #expect((11...20).contains(library.majorVersion))
        #expect(library.version.split(separator: ".").count == 3)
    }
}

extension FakeCUDATests {
    @Suite struct CUBLASLtTests {
        struct Case: Sendable, CustomStringConvertible {
            var product: LibraryProduct
            var offset = 0
            var description: String {
                "\(product.type) to \(product.resultType) \(product.m) × \(product.n) × \(product.depth), rows \(product.aRowStride) apart"
                    + (product.hasBias ? ", bias" : "") + (product.hasResidual ? ", residual" : "")
                    + (offset > 0 ? ", from \(offset) on" : "")
            }
        }

        static let cases = [DType.float32, .float16, .bfloat16].flatMap { type in
            [(1, 1, 1, 1), (3, 5, 7, 7), (17, 8, 4, 9), (64, 48, 32, 32)].flatMap { m, n, depth, stride in
                [(false, false), (true, false), (false, true), (true, true)].map { hasBias, hasResidual in
                    Case(
                        product: LibraryProduct(
                            m: m, n: n, depth: depth, aRowStride: stride, type: type, hasBias: hasBias,
                            hasResidual: hasResidual))
                } + [
                    Case(
                        product: LibraryProduct(
                            m: m, n: n, depth: depth, aRowStride: stride, type: type, resultType: type))
                ]
            } + [
                // A part of the depth of either side, beginning at the third number.
                Case(
                    product: LibraryProduct(
                        m: 9, n: 5, depth: 7, aRowStride: 8, weightRowStride: 12, type: type, hasResidual: true),
                    offset: 3)
            ]
        }

        /// Small integers, exact in every type.
        private func integers(_ count: Int, _ seed: Int) -> [Float] {
            (0..<count).map { Float(($0 * 7919 + seed * 104_729) % 17 - 8) }
        }

        private func bytes(_ values: [Float], as type: DType) -> [UInt8] {
            values.flatMap { value in
                switch type {
                case .float16: withUnsafeBytes(of: Float16(value), Array.init)
                case .bfloat16: withUnsafeBytes(of: value.bfloat16Bits, Array.init)
                default: withUnsafeBytes(of: value, Array.init)
                }
            }
        }

        private func product(
            _ product: LibraryProduct, a: [Float], weight: [Float], bias: [Float], residual: [Float]
        ) -> [Float] {
            (0..<product.m * product.n).map { index in
                let (row, column) = (index / product.n, index % product.n)
                let sum = (0..<product.depth).reduce(Float(0)) {
                    $0 + a[row * product.aRowStride + $1] * weight[column * product.weightRowStride + $1]
                }
                return sum + (product.hasBias ? bias[column] : 0) + (product.hasResidual ? residual[index] : 0)
            }
        }

        @Test(arguments: cases) func productsAreThoseOfTheRowsThatWeHave(testCase: Case) throws {
            let product = testCase.product
            let driver = try openFakeCUDA(fakeCUDA(), multiplies: true)
            let pool = StoragePool(allocator: driver, device: driver.device)
            func stored(_ values: [Float], _ type: DType = .float32) throws -> Storage {
                let bytes = bytes(values, as: type)
                let storage = try pool.allocate(byteCount: bytes.count)
                try bytes.withUnsafeBytes { try driver.upload($0, to: storage.address) }
                return storage
            }
            let offset = testCase.offset
            let a = integers((product.m - 1) * product.aRowStride + offset + product.depth, 1)
            let weight = integers((product.n - 1) * product.weightRowStride + offset + product.depth, 2)
            let (bias, residual) = (integers(product.n, 3), integers(product.m * product.n, 4))
            let byteCount = try #require(try driver.workspaceByteCount(for: product))
            #expect(byteCount > 0)
            let c = try pool.allocate(byteCount: product.resultType.byteSize * residual.count)
            let operands = LibraryOperands(
                a: try stored(a, product.type), weight: try stored(weight, product.type), offset: offset,
                bias: product.hasBias ? try stored(bias) : nil,
                residual: product.hasResidual ? try stored(residual) : nil, c: c,
                workspace: try pool.allocate(byteCount: byteCount))
            #expect(try driver.multiply(product, operands))
            let expected = self.product(
                product, a: Array(a.dropFirst(offset)), weight: Array(weight.dropFirst(offset)), bias: bias,
                residual: residual)
            var result = [UInt8](repeating: 0xFF, count: c.byteCount)
            try result.withUnsafeMutableBytes { try driver.download(c.address, into: $0) }
            #expect(fakeMisuse() == nil)
            #expect(result == bytes(expected, as: product.resultType))
            #expect(fakeCUDATF32Count() == 0)
        }

        /// A backend with the library, or what else is asked for.
        private func backend(
            usesTF32: Bool = false, usesGraphs: Bool = false, _ change: (inout FakeCUDASettings) -> Void = { _ in }
        ) throws -> GPUBackend {
            let driver = try openFakeCUDA(fakeCUDA(change), multiplies: true, usesTF32: usesTF32)
            return try GPUBackend(driver: driver, usesTensorCores: true, usesGraphs: usesGraphs)
        }

        @Test func linearLayersOfFloat32AreWholeProductsOfTheLibrary() throws {
            let backend = try backend()
            let (x, weight) = (integers(6 * 8, 1), integers(5 * 8, 2))
            let (bias, residual) = (integers(5, 3), integers(6 * 5, 4))
            let result = try Tensor(x, shape: [6, 8], on: backend).linear(
                try Tensor(weight, shape: [5, 8], on: backend).prepared(for: .linear),
                bias: Tensor(bias, shape: [5], on: backend), residual: Tensor(residual, shape: [6, 5], on: backend))
            let request = LibraryProduct(
                m: 6, n: 5, depth: 8, aRowStride: 8, type: .float32, hasBias: true, hasResidual: true)
            #expect(try result.floats() == product(request, a: x, weight: weight, bias: bias, residual: residual))
            #expect(backend.counters[.libraryProducts] == 1)
            #expect(fakeMisuse() == nil)
        }

        /// Which products are the library's, and how many kernels run beside them.
        @Test func theLibraryGetsWhatItCanDo() throws {
            let backend = try backend()
            let x = try Tensor.filled(1, shape: [40, 8], on: backend)
            func prepared(_ type: DType, _ shape: Shape = [6, 8]) throws -> PreparedWeight {
                let values = integers(shape.count, 1)
                return try Tensor(values, shape: shape, on: backend)
                    .prepared(for: shape.rank == 2 ? .linear : .grouped, as: type)
            }
            func count(_ body: () throws -> Tensor) throws -> (library: Int, kernels: Int64) {
                try backend.synchronize()
                let before = (backend.counters[.libraryProducts], fakeCUDAKernelCount())
                _ = try body()
                try backend.synchronize()
                return (backend.counters[.libraryProducts] - before.0, fakeCUDAKernelCount() - before.1)
            }
            let weights = try [DType.float32, .float16, .bfloat16, .int8].map { try prepared($0) }
            #expect(try count { try x.linear(weights[0]) } == (1, 1))
            // The factor is rounded first.
            #expect(try count { try x.linear(weights[1]) } == (1, 2))
            #expect(try count { try x.linear(weights[2]) } == (1, 2))
            // What is of its type already isn't rounded, and its GELU comes with the bias.
            let narrow = try x.converted(to: .bfloat16)
            let bias = try Tensor.filled(1, shape: [6], on: backend)
            #expect(try count { try narrow.linear(weights[2]) } == (1, 1))
            #expect(
                try count { try narrow.linear(weights[2], bias: bias, activation: .gelu, as: .bfloat16) } == (1, 2))
            // Our own kernel.
            #expect(try count { try x.linear(weights[3]) } == (0, 1))
            // The exact GELU comes after, and what is added to it after that.
            let residual = try Tensor.filled(1, shape: [40, 6], on: backend)
            #expect(try count { try x.linear(weights[0], activation: .gelu) } == (1, 2))
            #expect(try count { try x.linear(weights[0], activation: .gelu, residual: residual) } == (1, 3))
            #expect(try count { try x.matmul(x, transposed: true) } == (1, 1))
            let batches = try x.reshaped([2, 20, 8])
            #expect(try count { try batches.matmul(batches, transposed: true) } == (0, 1))
            // Rows that don't overlap are the library's; those that do in parts, where these are aligned and no tensor
            // cores of ours take them whole.
            func convolution(
                _ channels: Int, stride: Int, _ type: DType = .float32
            ) throws -> (library: Int, kernels: Int64) {
                let wide = try prepared(type, [6, 3 * channels])
                let x = try Tensor.filled(1, shape: [40, channels], on: backend)
                return try count {
                    try x.convolution(
                        wide, bias: nil, window: ConvolutionWindow(kernel: 3, stride: stride, rows: 10))
                }
            }
            #expect(try convolution(8, stride: 2) == (0, 1))
            #expect(try convolution(8, stride: 3) == (1, 1))
            #expect(try convolution(32, stride: 2) == (1, 2))
            #expect(try convolution(64, stride: 1) == (1, 3))
            #expect(try convolution(64, stride: 2, .bfloat16) == (0, 1))
            #expect(fakeMisuse() == nil)
        }

        @Test func anAlgorithmIsChosenOnceForAShape() throws {
            let backend = try backend()
            let weight = try Tensor.filled(1, shape: [6, 8], on: backend).prepared(for: .linear)
            for rows in [3, 4, 3, 4, 3] {
                _ = try Tensor.filled(1, shape: [rows, 8], on: backend).linear(weight)
            }
            #expect(backend.counters[.libraryProducts] == 5)
            #expect(fakeCUDAHeuristicCount() == 2)
        }

        @Test func whatTheLibraryRefusesIsOurs() throws {
            let refusals: [(inout FakeCUDASettings) -> Void] = [
                { $0.refusesProducts = 1 }, { $0.refusesToMultiply = 1 },
            ]
            for refuse in refusals {
                let backend = try backend(refuse)
                let weight = try Tensor.filled(1, shape: [6, 8], on: backend).prepared(for: .linear)
                for _ in 0..<3 { _ = try Tensor.filled(1, shape: [3, 8], on: backend).linear(weight) }
                try backend.synchronize()
                #expect(backend.counters[.products] == 3 && backend.counters[.libraryProducts] == 0)
                #expect(fakeMisuse() == nil)
            }
        }

        @Test func tf32IsForFloat32AloneAndNeedsTheLibrary() throws {
            let backend = try backend(usesTF32: true)
            #expect(backend.summary.contains("products by cuBLASLt 12.9.1 in TF32"))
            let x = try Tensor.filled(1, shape: [4, 8], on: backend)
            for type in [DType.float32, .bfloat16, .float16] {
                _ = try x.linear(try Tensor.filled(1, shape: [6, 8], on: backend).prepared(for: .linear, as: type))
            }
            try backend.synchronize()
            #expect(backend.counters[.libraryProducts] == 3 && fakeCUDATF32Count() == 1)
            expectUnavailable(["TF32", "XLSR_CUBLASLT"]) { _ = try openFakeCUDA(fakeCUDA(), usesTF32: true) }
        }

        @Test func aLibraryThatDoesNotStartIsDoneWithout() throws {
            let library = fakeCUDA()
            _ = try openFakeCUDA(library, multiplies: true)
            let calls = fakeCUDACallCount()
            var starts = 0
            for call in 1...calls {
                let library = fakeCUDA { $0.failingCall = call }
                guard let driver = try? openFakeCUDA(library, multiplies: true) else { continue }
                if fakeCUDAFailedCall().map({ String(cString: $0) }) == "cublasLtCreate" {
                    #expect(driver.productLibrary == nil)
                    let summary = try GPUBackend(driver: driver).summary
                    #expect(
                        summary.contains("our own kernels, which are slower: ") && summary.contains("cuBLASLt 12.9.1"))
                    starts += 1
                    // And says so where nothing else would do.
                    expectUnavailable(["cuBLASLt 12.9.1 failed"]) {
                        _ = try openFakeCUDA(
                            fakeCUDA { $0.failingCall = call }, multiplies: true, usesTF32: true)
                    }
                }
            }
            #expect(starts == 1)
        }

        @Test func aLibraryThatIsNewerThanTheDriverIsPassedOver() throws {
            func mismatch(_ version: UInt64) throws -> TensorError? {
                let device = try CUDADevice.at(0, of: fakeCUDA { $0.productLibraryVersion = version })
                return try CUBLASLt(functions: fakeCUBLASLtFunctions(), path: "").mismatch(with: device)
            }
            #expect(try mismatch(120_901) == nil)
            #expect(try mismatch(11_601) == nil)
            let new = try #require(try mismatch(130_002))
            #expect(new.detail.contains("cuBLASLt 13.0.2") && new.detail.contains("takes CUDA up to 12.9"))
            #expect(throws: TensorError.self) { try mismatch(0) }
        }

        @Test func graphsHoldProducts() throws {
            let backend = try backend(usesGraphs: true)
            let weight = integers(5 * 8, 2)
            let prepared = try Tensor(weight, shape: [5, 8], on: backend).prepared(for: .linear)
            let region = CaptureRegion()
            for (round, rows) in [70, 80, 90, 70, 128].enumerated() {
                let x = integers(rows * 8, round)
                let results = try backend.captured(
                    region, Tensor(x, shape: [rows, 8], on: backend), segments: Segments(lengths: [rows])
                ) { x, _ in [try x.linear(prepared)] }
                let request = LibraryProduct(m: rows, n: 5, depth: 8, aRowStride: 8, type: .float32)
                #expect(try results[0].floats() == product(request, a: x, weight: weight, bias: [], residual: []))
                // Others use what memory is free.
                _ = try Tensor.filled(7, shape: [128, 8], on: backend).linear(prepared)
            }
            #expect(fakeCUDAGraphCount() == 4 && fakeMisuse() == nil)
        }

        @Test func everyCallMayFail() throws {
            for status in [cublasInternalError, cublasOutOfMemory, cublasNotSupported] {
                let fake = FakeLibrary(
                    make: { call in
                        fakeCUDA {
                            $0.failingCall = call
                            $0.productStatus = status.rawValue
                        }
                    }, liveObjectCount: \.liveObjectCount, callCount: fakeCUDACallCount,
                    objectCount: fakeCUDAObjectCount, failedCall: { fakeCUDAFailedCall().map { String(cString: $0) } })
                let outcome = try fake.failEveryCall { library in
                    let driver = try openFakeCUDA(library, multiplies: true)
                    try exercise(GPUBackend(driver: driver, usesGraphs: false))
                }
                #expect(fakeMisuse() == nil)
                let kinds = Set(outcome.errors.map(\.kind))
                #expect(kinds.isSubset(of: [.outOfMemory, .deviceFailure, .deviceUnavailable]))
                #expect(outcome.errors.allSatisfy { $0.remedy?.isEmpty == false })
            }
        }
    }
}
