import CPUBackends
import DeviceVariants
import Glibc
import InstructionEmulation
import TensorEngine

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

    static let fused: [TestDevice] = variants.compactMap { variant in
        (try? variant.backend.get()).map { TestDevice(name: variant.name, backend: $0) }
    }

    /// `simd` with AMX, whose instructions are emulated where the processor lacks them; not among the others, most of
    /// whose work has nothing to do with it. Three threads: tiles are each thread's own.
    static let tiles = emulated(.amx)

    /// `simd` with AVX-VNNI, for processors that lack it.
    static let dots = Processor.current.supports(.avxvnni) ? nil : emulated(.avxvnni)

    private static func emulated(_ set: Processor.InstructionSet) -> TestDevice? {
        emulate_missing_instructions()
        var options = CPUOptions(threadCount: 3, instructionSet: set, guardByteCount: 64)
        options.emulatesInstructions = true
        return try? TestDevice(name: "simd \(set.rawValue)", backend: CPUBackend.simd(options))
    }

    /// Devices that can't be opened here, and why.
    static let absent: [(name: String, reason: String)] = variants.compactMap { variant in
        guard case .failure(let error) = variant.backend else { return nil }
        return (variant.name, "\(error)")
    }

    /// Names in `XLSR_REQUIRE_DEVICES=simd,openblas`: their absence is a failure.
    static var required: [String] {
        guard let value = getenv("XLSR_REQUIRE_DEVICES") else { return [] }
        return String(cString: value).split(separator: ",").map { $0.filter { $0 != " " } }
    }

    /// Three threads, whatever the machine has: an odd share of the work each.
    private static let variants = DeviceVariant.all(threadCount: 3)
}
