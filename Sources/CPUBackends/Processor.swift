import CPUShim
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
    /// The instruction sets that there are kernels for, slowest first.
    public enum InstructionSet: String, Sendable, CaseIterable {
        case baseline, avx2, avx512
        /// AVX-512, and products of bfloat16 and int8 weights by tiles.
        case amx
    }

    /// Bytes of data caches that a core has to itself.
    package struct Caches: Sendable {
        package var firstLevel = 32 << 10
        package var secondLevel = 512 << 10

        package init(firstLevel: Int, secondLevel: Int) {
            (self.firstLevel, self.secondLevel) = (firstLevel, secondLevel)
        }

        /// Those of the first core; where the system doesn't tell, small ones that most processors have.
        fileprivate init() {
            for index in 0..<8 {
                let folder = "/sys/devices/system/cpu/cpu0/cache/index\(index)/"
                func field(_ name: String) -> Substring {
                    Processor.start(ofFile: folder + name).prefix { !$0.isWhitespace }
                }
                let size = field("size")
                let unit = size.last == "M" ? 1 << 20 : 1 << 10
                guard field("type") != "Instruction", let count = Int(size.prefix { $0.isNumber }),
                    1...1 << 20 ~= count
                else { continue }
                switch field("level") {
                case "1": firstLevel = count * unit
                case "2": secondLevel = count * unit
                default: break
                }
            }
        }
    }

    public let name: String
    public let vendor: String
    public let flags: Set<Substring>
    /// The cores that this process may run on, which a container may limit.
    public let coreCount: Int

    package let caches: Caches

    public static let current = Processor()

    /// Asked for once: tiles have state of their own, which the operating system saves only for processes that want it.
    private static let tilesAreGranted = xlsr_request_tiles()

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
        caches = Caches()
        coreCount = max(1, ProcessInfo.processInfo.activeProcessorCount)
    }

    /// A feature level needs every feature that the compiler's `-march` of that level implies.
    public func supports(_ set: InstructionSet) -> Bool {
        flags.isSuperset(of: Self.flags(of: set)) && (set != .amx || Self.tilesAreGranted)
    }

    private static func flags(of set: InstructionSet) -> Set<Substring> {
        switch set {
        case .baseline: []
        case .avx2: ["avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "popcnt", "sse4_2"]
        case .avx512: flags(of: .avx2).union(["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"])
        case .amx: flags(of: .avx512).union(["amx_tile", "amx_bf16", "amx_int8"])
        }
    }

    public var instructionSets: [InstructionSet] { InstructionSet.allCases.filter(supports) }

    /// Why an instruction set can't be used, in words.
    func reasonAgainst(_ set: InstructionSet) -> String {
        flags.isSuperset(of: Self.flags(of: set))
            ? "the operating system doesn't let this process use the tiles of \(set.rawValue)"
            : "this processor has no \(set.rawValue)"
    }

    /// The kernels of a set that is supported, and of AMX beside AVX2 too.
    package static func kernels(for set: InstructionSet) -> KernelTable {
        #if arch(x86_64)
            var table: KernelTable
            switch set {
            case .amx where current.supports(.avx512): table = SIMDKernelsV4.Kernels.table
            case .amx: table = SIMDKernelsV3.Kernels.table
            case .avx512: table = SIMDKernelsV4.Kernels.table
            case .avx2: table = SIMDKernelsV3.Kernels.table
            case .baseline: table = SIMDKernels.Kernels.table
            }
            if set == .amx { table.name += " + AMX" } else { table.tileProduct = nil }
            return table
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
