import EmulatedGPU
import Testing
import XLSR

/// `xlsr --device cuda` whole on a machine without a GPU: its kernels, compiled for the processor, run as the fake
/// driver is told to launch them (Tests/EmulatedGPU). What no fake and no single kernel shows is seen here: which
/// arguments the host passes, how many groups and threads it launches, how much memory it gives them, what a graph
/// replays.
@Suite struct EmulatedGPUTests {
    struct GPU: Sendable, CustomStringConvertible {
        /// 10 · major + minor.
        var capability: Int
        /// `XLSR_TENSOR_CORES`
        var tensorCores = "0"
        var hasCUBLASLt = false
        var multiprocessorCount = 132

        var description: String {
            "\(capability), \(multiprocessorCount) multiprocessors, tensor cores \(tensorCores)"
                + (hasCUBLASLt ? ", cuBLASLt" : "")
        }
    }

    /// - Parameter hasBarriers: whether threads wait at them.
    private func run(_ gpu: GPU, hasBarriers: Bool = true, _ arguments: [String]) throws -> CommandRun {
        let library = try EmulatedGPU.library()
        var environment = [
            "XLSR_CUDA=\(library)", "XLSR_NVRTC=\(library)", "XLSR_CUBLASLT=\(gpu.hasCUBLASLt ? library : "0")",
            "XLSR_TENSOR_CORES=\(gpu.tensorCores)", "EMULATED_GPU_CAPABILITY=\(gpu.capability)",
            "EMULATED_GPU_MULTIPROCESSORS=\(gpu.multiprocessorCount)", "EMULATED_GPU_REPORT=1",
            "XDG_CACHE_HOME=\(library).cache",
        ]
        // Another program of the same text: not to be kept.
        if !hasBarriers { environment += ["EMULATED_GPU_OPTION=-DEMULATED_WITHOUT_BARRIERS", "XLSR_CACHE=0"] }
        return try runProgram("/usr/bin/env", environment + [programFolder() + "/xlsr"] + arguments)
    }

    /// Turing, Ampere and Hopper; our own products and the library's; few multiprocessors, for which tiles are larger.
    @Test(arguments: [
        (GPU(capability: 75), "f32", "heads-120"),
        (GPU(capability: 75, hasCUBLASLt: true), "bf16", "group-post"),
        (GPU(capability: 80, tensorCores: "1", multiprocessorCount: 1), "bf16", "heads-80"),
        (GPU(capability: 90, tensorCores: "1", multiprocessorCount: 1), "f16", "layer-stable"),
        (GPU(capability: 90, tensorCores: "warps", hasCUBLASLt: true), "bf16", "adapter-ctc"),
    ])
    func everyOperationIsRightAndSoIsAModel(gpu: GPU, precision: String, model: String) throws {
        let folder = "\(goldensFolder)/\(model)"
        let run = try run(
            gpu,
            [
                "verify", "--device", "cuda", "--quick", "--precision", precision, "--model", folder, "--golden",
                "\(folder)/golden.safetensors",
            ])
        #expect(run.status == 0, "\(run.errors)\(run.text)")
        #expect(run.lines.contains { $0.hasSuffix("cases of operations are right") })
        #expect(run.lines.last?.contains("blocks agree within") == true)
    }

    /// From the second file on by the graph that the first one recorded; one is longer, with a graph of its own.
    @Test func graphsHearWhatTheyAreGiven() throws {
        try withTemporaryFolder { folder in
            let clip = try Demo.recording(named: Demo.recordingNames[5])
            let files = try (0..<5).map { index in
                let first = index * clip.sampleRate / 2
                let count = clip.sampleRate * (index == 3 ? 3 : 2) / 2 - index * 160
                let part = AudioClip(
                    samples: Array(clip.samples[first..<first + count]), sampleRate: clip.sampleRate)
                try writeClip(part, to: "\(folder)/\(index).wav")
                return "\(folder)/\(index).wav"
            }
            let arguments = ["--quiet", "--batch-seconds", "1", "--model", "\(goldensFolder)/layer-stable"] + files
            let expected = try runProgram(programFolder() + "/xlsr", ["run", "--device", "simd"] + arguments)
            let texts = Set(expected.lines.compactMap { $0.split(separator: "\t").last })
            #expect(expected.status == 0 && texts.count == files.count)
            for gpu in [GPU(capability: 80), GPU(capability: 90, hasCUBLASLt: true)] {
                let run = try run(gpu, ["run", "--device", "cuda"] + arguments)
                #expect(run.status == 0 && run.lines == expected.lines, "\(run.errors)")
                let graphCount = run.errors.split(separator: " ").dropLast().last.flatMap { Int($0) }
                #expect((graphCount ?? 0) >= 3)
            }
        }
    }

    /// What would go wrong on a GPU goes wrong here.
    @Test(arguments: [
        ("matmul", false), ("softmax", false), ("layerNorm", false), ("attention", false), ("rowAttention", false),
        ("linear", true), ("attention", true),
    ])
    func aMissingBarrierIsNoticed(operation: String, usesTensorCores: Bool) throws {
        let run = try run(
            GPU(capability: 80, tensorCores: usesTensorCores ? "1" : "0"), hasBarriers: false,
            ["verify", "--device", "cuda", "--quick", "--filter", operation])
        #expect(run.status == 1)
        #expect(run.errors.contains("cases of operations failed"))
    }
}
