import Conformance
import GPUBackends
import Glibc
import TensorEngine
import Testing

/// Every kernel through NVIDIA's compiler, which needs no GPU; skipped without one unless `XLSR_REQUIRE_NVRTC=1`.
@Suite struct NVRTCTests {
    /// Turing, Ampere, Hopper, Blackwell.
    private static let capabilities = [75, 80, 90, 100]
    /// Where the kernels that need no tensor cores are compiled, too: they are the same text everywhere.
    private static let portableCapabilities: Set = [75, 100]
    /// Where attention is compiled for all heads of the conformance cases, too, which no checkpoint has.
    private static let smallHeadCapabilities: Set = [75, 80]
    /// XLS-R 300M, 1B, 2B, and one that no vector fits.
    private static let headSizes: Set = [64, 80, 120, 33]
    /// Bytes that a kernel may store and load for lack of registers; none where nothing is said.
    private static let largestSpillByteCounts = [
        // The whole head of a query in registers: a few numbers outside the inner loop.
        KernelSource.tensorAttention: 64,
        // Of the largest tile with int8 weights, which wait in registers.
        .warpgroupProduct: 24,
    ]

    /// What a GPU of today says; the shapes of kernels follow from it.
    private static let properties = GPUProperties(
        kind: .gpu, name: "GPU", vendor: "NVIDIA", driverVersion: "12.9", platform: "CUDA", extensions: [],
        computeUnitCount: 132, memoryByteCount: 80 << 30, largestBlockByteCount: 80 << 30,
        localMemoryByteCount: 48 << 10, largestGroupSize: 1024, hasTensorCores: true)

    private static var hopper: GPUProperties {
        var hopper = properties
        hopper.hasWarpgroupProducts = true
        return hopper
    }

    /// Everything that the conformance cases launch, without tensor cores, with them, and with those of Hopper.
    private static let launched: Result<Set<GPUKernel>, any Error> = Result {
        let shapes = [(properties, false), (properties, true), (hopper, true)]
        return try shapes.reduce(into: []) { kernels, shape in
            let driver = RecordingDriver(shape.0)
            let backend = try GPUBackend(driver: driver, usesTensorCores: shape.1)
            for testCase in ConformanceCase.all(.small) { _ = try testCase.prepare(on: backend)() }
            kernels.formUnion(driver.kernels)
        }
    }

    private static let compiler = Result { try CUDACompiler.shared() }

    private static func compilerIfThere() throws -> CUDACompiler? {
        switch compiler {
        case .success(let compiler): return compiler
        case .failure(let error):
            guard getenv("XLSR_REQUIRE_NVRTC").map({ String(cString: $0) }) != "1" else { throw error }
            print("NVRTC is absent: \(error)")
            return nil
        }
    }

    private static func programs(_ kernels: Set<GPUKernel>, capability: Int) -> [GPUProgram] {
        let launched = kernels.flatMap(\.program.definitions).filter { $0.name == "HEAD_SIZE" }.map(\.value)
        let sizes = headSizes.union(launched).sorted()
        return KernelShape(properties).programs(headSizes: sizes)
            + (capability >= 80 ? KernelShape.tensorPrograms(headSizes: sizes) : [])
            + (capability == 90 ? KernelShape.warpgroupPrograms : [])
    }

    @Test func nothingIsLaunchedButWhatIsListed() throws {
        let kernels = try Self.launched.get()
        #expect(kernels.count > 30)
        #expect(kernels.contains { $0.program.source == .tensorProduct })
        #expect(kernels.contains { $0.program.source == .warpgroupProduct })
        let unlisted = Set(kernels.map(\.program)).subtracting(Self.programs(kernels, capability: 90))
        #expect(unlisted.isEmpty)
    }

    @Test func whatIsCompiledAheadIsListed() throws {
        for (properties, usesTensorCores) in [(Self.properties, false), (Self.properties, true), (Self.hopper, true)] {
            let shape = KernelShape(properties, usesTensorCores: usesTensorCores)
            for precision in [Precision.float32, .bfloat16, .float16, .int8] {
                for size in Self.headSizes {
                    let likely = shape.likelyPrograms(headSize: size, precision: precision)
                    #expect(likely.count >= 5 && Set(likely).count == likely.count)
                    #expect(Set(likely).isSubset(of: Self.programs([], capability: 90)))
                }
            }
        }
    }

    /// Rows, columns and depth of a product, and the tile that suits it on 132 multiprocessors.
    @Test(arguments: [
        (500, 1024, 1024, 64, 64), (500, 4096, 1024, 128, 128), (16_000, 4096, 64, 128, 256), (500, 80, 640, 64, 80),
    ])
    func productsGetTilesThatKeepAGPUBusy(m: Int, n: Int, depth: Int, rows: Int, columns: Int) throws {
        let driver = RecordingDriver(Self.hopper)
        let backend = try GPUBackend(driver: driver, usesTensorCores: true)
        let weight = try Tensor.filled(1, shape: [n, depth], on: backend).prepared(for: .linear, as: .bfloat16)
        _ = try Tensor.filled(1, shape: [m, depth], on: backend).linear(weight)
        let programs = driver.kernels.map(\.program).filter { $0.source == .warpgroupProduct }
        let tile = try #require(TensorTile.ofWarpgroups.first { $0.rows == rows && $0.columns == columns })
        #expect(programs == [tile.program(.bfloat16)])
    }

    /// A convolution and its norm are one launch where there are many frames.
    @Test(arguments: [(16_000, 1), (500, 2)])
    func convolutionsNormWhatTheyMake(rows: Int, launches: Int) throws {
        let driver = RecordingDriver(Self.hopper)
        let backend = try GPUBackend(driver: driver, usesTensorCores: true)
        let weight = try Tensor.filled(1, shape: [512, 16], on: backend).prepared(for: .linear, as: .bfloat16)
        let ones = try Tensor.filled(1, shape: [512], on: backend)
        let x = try Tensor.filled(1, shape: [2 * rows + 2, 8], on: backend)
        let before = driver.kernels
        _ = try x.convolution(
            weight, bias: ones, window: ConvolutionWindow(kernel: 2, stride: 2, rows: rows),
            norm: Normalization(gain: ones, bias: ones, epsilon: 1e-5), activation: .gelu)
        #expect(driver.kernels.subtracting(before).count == launches)
        #expect(backend.counters[.products] == 1)
    }

    @Test(arguments: capabilities) func everyKernelCompilesWithoutWarningsOrSpills(capability: Int) throws {
        guard let compiler = try Self.compilerIfThere() else { return }
        guard compiler.architectures.contains(capability) else {
            return print("NVRTC \(compiler.version) doesn't compile for \(capability)")
        }
        let target = compiler.target(forCapability: capability)
        let kernels = try Self.launched.get()
        var lines = ["NVRTC \(compiler.version), \(target): registers, shared bytes, stack bytes, spilled bytes"]
        let isPortable = Self.portableCapabilities.contains(capability)
        let portable = Set(isPortable ? [] : Self.programs(kernels, capability: 75))
        let programs = Self.programs(
            Self.smallHeadCapabilities.contains(capability) ? kernels : [], capability: capability)
        for program in programs where !portable.contains(program) {
            let (image, log) = try compiler.compile(program, target: target, extraOptions: ["--ptxas-options=-v"])
            #expect(image.starts(with: [0x7F] + Array("ELF".utf8)))
            #expect(!log.contains("warning") && !log.contains("serialized"), "\(log)")
            let resources = KernelResources.all(in: log)
            let used = Set(kernels.filter { $0.program == program }.map(\.name))
            #expect(used.isSubset(of: resources.map(\.name)), "\(program)")
            #expect(!resources.isEmpty)
            for kernel in resources {
                #expect(kernel.registerCount > 0)
                let title = Self.title(kernel.name, program)
                #expect(kernel.spillByteCount <= Self.largestSpillByteCounts[program.source, default: 0], "\(title)")
                // Beyond spills: sums that a loop indexes, or a group's memory that isn't declared as such.
                #expect(kernel.stackByteCount <= kernel.spillByteCount, "\(title)")
                lines.append("  \(title): \(kernel.figures)")
            }
        }
        print(lines.joined(separator: "\n"))
    }

    /// A program of the kernel's own definitions, such as "attention HEAD_SIZE=64".
    private static func title(_ name: String, _ program: GPUProgram) -> String {
        let telling = [
            "WEIGHT_TYPE", "COMPUTE_TYPE", "HEAD_SIZE", "QUERIES", "CONSUMERS", "GROUP_N", "HAS_NORM", "TILE_M",
            "TILE_N",
        ]
        let definitions = program.definitions.filter { telling.contains($0.name) }.map { "\($0.name)=\($0.value)" }
        return (["\(program.source.rawValue).\(name)"] + definitions).joined(separator: " ")
    }

    /// For a GPU newer than the compiler: code that the driver translates.
    @Test func portableCodeEndsWithANUL() throws {
        guard let compiler = try Self.compilerIfThere() else { return }
        let program = try #require(Self.programs([], capability: 80).first)
        let image = try compiler.compile(program, target: "compute_80").image
        #expect(image.last == 0 && String(decoding: image.dropLast(), as: UTF8.self).contains(".target sm_80"))
        #expect(!image.dropLast().contains(0))
    }

    @Test func aProgramThatIsWrongShowsTheCompilersFirstLines() throws {
        guard let compiler = try Self.compilerIfThere() else { return }
        let error = #expect(throws: TensorError.self) {
            // Without its sizes.
            _ = try compiler.compile(GPUProgram(.attention, ["LANES": 1]), target: "sm_80")
        }
        #expect(error?.operation == "compile attention")
        #expect(error?.detail.contains("Portable/Attention.cl(") == true, "\(error?.detail ?? "")")
        #expect((error?.detail.split(separator: "\n").count ?? 99) <= 13)
    }
}

extension KernelResources {
    fileprivate var figures: String { "\(registerCount), \(sharedByteCount), \(stackByteCount), \(spillByteCount)" }
}
