import TensorEngine

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A backend under test, with a name for reports.
struct TestDevice: Sendable, CustomStringConvertible {
    let name: String
    let backend: any Backend

    var description: String { name }
}

enum TestDevices {
    /// Every device that is present, its storages with guard bytes, and each reduced to its primitives.
    static let present: [TestDevice] = fused.flatMap {
        [$0, TestDevice(name: "\($0.name), primitives only", backend: PrimitivesBackend($0.backend))]
    }

    static let fused: [TestDevice] = [
        TestDevice(name: "reference", backend: ReferenceBackend(guardByteCount: 64))
    ]

    /// Devices that can't be opened here, and why.
    static let absent: [(name: String, reason: String)] = []

    /// Names in `XLSR_REQUIRE_DEVICES=simd,openblas`: their absence is a failure.
    static var required: [String] {
        guard let value = getenv("XLSR_REQUIRE_DEVICES") else { return [] }
        return String(cString: value).split(separator: ",").map { $0.filter { $0 != " " } }
    }
}
