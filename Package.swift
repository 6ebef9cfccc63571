// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "xlsr",
    products: [
        .library(name: "TensorEngine", targets: ["TensorEngine"]),
        .library(name: "XLSR", targets: ["XLSR"]),
    ],
    targets: [
        .target(name: "TensorEngine"),
        .target(name: "Conformance", dependencies: ["TensorEngine"]),
        .target(name: "XLSR", dependencies: ["TensorEngine"]),
        .testTarget(name: "TensorEngineTests", dependencies: ["Conformance", "TensorEngine"]),
        .testTarget(name: "XLSRTests", dependencies: ["XLSR", "TensorEngine"]),
    ],
    swiftLanguageModes: [.v6]
)
