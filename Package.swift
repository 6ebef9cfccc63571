// swift-tools-version: 6.2
import PackageDescription

// MARK: Kernels

/// The kernels are optimised in debug builds too: unoptimised they are a thousand times slower.
/// Loops of the register tile must unroll completely for its accumulators to live in registers.
let kernelFlags = ["-Ounchecked", "-Xllvm", "-unroll-threshold=4000"]

/// The processors that this builds for: those of this machine, unless a build for others says so, as in
/// `XLSR_ARCHITECTURE=arm64 swift build --swift-sdk aarch64-unknown-linux-gnu`.
#if arch(x86_64)
    let ownArchitecture = "x86_64"
#else
    let ownArchitecture = "arm64"
#endif
let buildsForX86 = (Context.environment["XLSR_ARCHITECTURE"] ?? ownArchitecture) == "x86_64"

/// A copy of `SIMDKernels` for a newer instruction set: a linked folder, the same sources.
func kernelCopy(_ level: String) -> Target {
    .target(
        name: "SIMDKernels\(level.uppercased())", dependencies: ["SIMDKernelTable", "CPUShim"],
        swiftSettings: [
            .define("KERNELS_\(level.uppercased())"), .unsafeFlags(kernelFlags + ["-Xcc", "-march=x86-64-\(level)"]),
        ])
}
let kernelCopies = buildsForX86 ? ["v3", "v4"].map(kernelCopy) : []
let instructionEmulationFlags = buildsForX86 ? ["-O2", "-march=x86-64-v3"] : []

let kernels: [Target] =
    [
        .target(name: "SIMDKernelTable", swiftSettings: [.unsafeFlags(["-Ounchecked"])]),
        .target(name: "CPUShim", path: "Kernels/CPU"),
        .target(
            name: "SIMDKernels", dependencies: ["SIMDKernelTable", "CPUShim"],
            swiftSettings: [.unsafeFlags(kernelFlags)]),
    ] + kernelCopies

// MARK: Package

/// `XLSR_STATIC=1 swift build -c release` links Swift's runtime into the programs, which then run where no Swift is.
/// As `--static-swift-stdlib` does, but from objects of the usual build: in seconds instead of minutes.
let runtime: [LinkerSetting] =
    Context.environment["XLSR_STATIC"] == "1"
    ? [.unsafeFlags(["-static-stdlib", "-l_FoundationCShims", "-l_FoundationCollections"])] : []

/// For tests that compute little themselves: in release builds, optimising them takes longer than it saves.
let unoptimized: [SwiftSetting] = [.unsafeFlags(["-Onone"])]

let package = Package(
    name: "xlsr",
    products: [
        .library(name: "TensorEngine", targets: ["TensorEngine", "Backends"]),
        .library(name: "XLSR", targets: ["XLSR"]),
        .executable(name: "xlsr", targets: ["XLSRCommand"]),
        .executable(name: "Benchmarks", targets: ["Benchmarks"]),
    ],
    targets: kernels + [
        .target(name: "TensorEngine"),
        .target(name: "Conformance", dependencies: ["TensorEngine"]),
        .target(
            name: "CPUBackends",
            dependencies: ["TensorEngine", "SIMDKernelTable", "SIMDKernels", "CPUShim"]
                + kernelCopies.map { .target(name: $0.name) }),
        .target(
            name: "KernelSources", path: "Kernels/Portable",
            exclude: [
                "Attention.cl", "Elementwise.cl", "Functions.cl", "Movement.cl", "Product.cl", "RowAttention.cl",
                "Rows.cl",
                "Weights.cl",
            ]),
        .target(
            name: "OpenCLShim", path: "Kernels/OpenCL",
            exclude: ["Prelude.cl", "Tile.cl", "WideAttention.cl", "WideProduct.cl"]),
        .target(
            name: "CUDAShim", path: "Kernels/CUDA",
            exclude: [
                "Prelude.cu", "TensorAttention.cu", "TensorCore.cu", "TensorProduct.cu", "TensorTile.cu",
                "Warpgroup.cu", "WarpgroupProduct.cu",
            ]),
        .target(name: "GPUBackends", dependencies: ["TensorEngine", "KernelSources", "OpenCLShim", "CUDAShim"]),
        .target(name: "Backends", dependencies: ["TensorEngine", "CPUBackends", "GPUBackends"]),
        .target(name: "DemoAssets", exclude: ["model", "audio"]),
        .target(name: "XLSR", dependencies: ["TensorEngine", "Backends", "DemoAssets"]),
        .target(name: "HTTPServer"),
        .executableTarget(
            name: "XLSRCommand", dependencies: ["XLSR", "HTTPServer", "Conformance", "Backends", "GPUBackends"],
            linkerSettings: runtime),
        .executableTarget(
            name: "Benchmarks", dependencies: ["XLSR", "Conformance", "Backends", "CPUBackends", "TensorEngine"],
            path: "Benchmarks", exclude: ["Peers/peers.py", "Peers/engines.py", "gpu-proof"], linkerSettings: runtime),

        // MARK: Tests
        .target(
            name: "EmulatedGPU", dependencies: ["XLSR"], path: "Tests/EmulatedGPU", exclude: ["Device", "build.sh"]),
        .target(
            name: "InstructionEmulation", path: "Tests/InstructionEmulation",
            cSettings: [.unsafeFlags(instructionEmulationFlags)]),
        .testTarget(
            name: "TensorEngineTests",
            dependencies: [
                "Conformance", "TensorEngine", "Backends", "CPUBackends", "GPUBackends", "OpenCLShim", "FakeOpenCL",
                "CUDAShim", "FakeCUDA", "EmulatedGPU", "SIMDKernelTable", "InstructionEmulation", "DeviceVariants",
            ]),
        .target(name: "FakeOpenCL", dependencies: ["OpenCLShim"], path: "Tests/FakeOpenCL"),
        .target(name: "FakeCUDA", dependencies: ["CUDAShim"], path: "Tests/FakeCUDA"),
        .testTarget(
            name: "XLSRTests",
            dependencies: [
                "XLSR", "TensorEngine", "Backends", "CPUBackends", "GPUBackends", "Conformance", "InstructionEmulation",
                "DeviceVariants",
            ],
            exclude: ["Goldens", "Fixtures"], swiftSettings: unoptimized),
        .target(
            name: "DeviceVariants", dependencies: ["Backends", "GPUBackends", "TensorEngine"],
            path: "Tests/DeviceVariants"),
        .target(name: "HTTPClient", path: "Tests/HTTPClient"),
        .testTarget(name: "HTTPServerTests", dependencies: ["HTTPServer", "HTTPClient"]),
        // Runs the built `xlsr`.
        .testTarget(
            name: "XLSRCommandTests",
            dependencies: ["XLSR", "TensorEngine", "Backends", "XLSRCommand", "EmulatedGPU", "HTTPClient"],
            swiftSettings: unoptimized),
        .testTarget(name: "BenchmarksTests", dependencies: ["Benchmarks", "XLSR", "TensorEngine", "Backends"]),
    ],
    swiftLanguageModes: [.v6],
    cLanguageStandard: .c2x
)
