import Glibc
import TensorEngine

extension CPUBackend {
    /// Hand-written SIMD Swift for everything; needs nothing but the processor.
    public static func simd(_ options: CPUOptions = CPUOptions()) throws -> CPUBackend {
        try CPUBackend(device: .simd, options: options) { own, _ in own }
    }

    /// The best instruction set that the processor has, or the one that `XLSR_INSTRUCTION_SET` names.
    static func defaultInstructionSet(_ device: Device) throws -> Processor.InstructionSet {
        guard let name = HostSystem.variable("XLSR_INSTRUCTION_SET"), !name.isEmpty else {
            return Processor.current.bestInstructionSet
        }
        return try Processor.InstructionSet(named: name, device: device)
    }
}

extension Processor.InstructionSet {
    /// - Throws: `TensorError` that lists the names when this is none of them.
    public init(named name: String, device: Device) throws {
        guard let set = Self(rawValue: name) else {
            throw TensorError(
                .invalidArgument, operation: "open", "no instruction set is called '\(name)'", device: device,
                remedy: "use one of \(Self.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        self = set
    }
}
