import FoundationEssentials
import SIMDKernelTable
import SIMDKernels

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif
#if arch(x86_64)
    import SIMDKernelsV3
    import SIMDKernelsV4
#endif

/// What the processor can do, as the kernel lets programs use it.
public struct Processor: Sendable {
    /// The instruction sets that the kernels are compiled for, slowest first.
    public enum InstructionSet: String, Sendable, CaseIterable {
        case baseline, avx2, avx512
    }

    public let name: String
    public let vendor: String
    public let flags: Set<Substring>
    /// The cores that this process may run on, which a container may limit.
    public let coreCount: Int

    public static let current = Processor()

    /// Reads `/proc/cpuinfo`, whose flags are those that the operating system has enabled too.
    private init() {
        let text = Self.start(ofFile: "/proc/cpuinfo")
        func field(_ name: String) -> Substring {
            let line = text.split(separator: "\n").first { $0.hasPrefix(name) }
            return line?.split(separator: ":", maxSplits: 1).last?.drop { $0 == " " } ?? ""
        }
        name = String(field("model name"))
        vendor = String(field("vendor_id"))
        flags = Set(field("flags").split(separator: " "))
        coreCount = max(1, ProcessInfo.processInfo.activeProcessorCount)
    }

    /// A feature level needs every feature that the compiler's `-march` of that level implies.
    public func supports(_ set: InstructionSet) -> Bool {
        let avx2: Set<Substring> = ["avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "popcnt", "sse4_2"]
        switch set {
        case .baseline: return true
        case .avx2: return flags.isSuperset(of: avx2)
        case .avx512:
            return flags.isSuperset(of: avx2.union(["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"]))
        }
    }

    public var instructionSets: [InstructionSet] { InstructionSet.allCases.filter(supports) }

    static func kernels(for set: InstructionSet) -> KernelTable {
        #if arch(x86_64)
            switch set {
            case .avx512: return SIMDKernelsV4.Kernels.table
            case .avx2: return SIMDKernelsV3.Kernels.table
            case .baseline: return SIMDKernels.Kernels.table
            }
        #else
            return SIMDKernels.Kernels.table
        #endif
    }

    /// One core's block: enough for a machine of hundreds.
    private static func start(ofFile path: String) -> String {
        let descriptor = open(path, O_RDONLY)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 8192)
        let count = read(descriptor, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }
}
