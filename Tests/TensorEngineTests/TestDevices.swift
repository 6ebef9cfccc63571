import Backends
import CPUBackends
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

    /// Of those of `simd` that take the same instructions, one.
    static let fused: [TestDevice] = candidates.reduce(into: []) { devices, candidate in
        guard case .success(let backend) = candidate.backend else { return }
        let isThere = devices.contains { $0.backend.device == .simd && $0.backend.summary == backend.summary }
        if !isThere { devices.append(TestDevice(name: candidate.name, backend: backend)) }
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
    static let absent: [(name: String, reason: String)] = candidates.compactMap { candidate in
        guard case .failure(let error) = candidate.backend else { return nil }
        return (candidate.name, "\(error)")
    }

    /// Names in `XLSR_REQUIRE_DEVICES=simd,openblas`: their absence is a failure.
    static var required: [String] {
        guard let value = getenv("XLSR_REQUIRE_DEVICES") else { return [] }
        return String(cString: value).split(separator: ",").map { $0.filter { $0 != " " } }
    }

    /// Every device of the registry, `simd` by each instruction set, and `opencl` by each shape of kernels.
    private static let candidates: [(name: String, backend: Result<any Backend, any Error>)] =
        BackendRegistry.entries.map { entry in
            (entry.kind.rawValue, Result { try BackendRegistry.open(Device(entry.kind), options: options()) })
        }
        + BackendRegistry.instructionSets.map { set in
            ("simd \(set)", Result { try BackendRegistry.open(.simd, options: options(set)) })
        }
        + BackendRegistry.kernelShapes.map { shape in
            ("opencl \(shape)", Result { try BackendRegistry.open(.opencl(), options: options(kernelShape: shape)) })
        }

    /// Three threads, whatever the machine has: an odd share of the work each.
    private static func options(_ instructionSet: String? = nil, kernelShape: String? = nil) -> BackendOptions {
        BackendOptions(
            threadCount: 3, instructionSet: instructionSet, kernelShape: kernelShape, guardByteCount: 64)
    }
}
