import CPUShim
import FoundationEssentials
import Glibc
import SIMDKernelTable
import SIMDKernels
#if arch(x86_64)
    import SIMDKernelsV3
    import SIMDKernelsV4
#endif

/// What the processor can do, as the kernel lets programs use it.
public struct Processor: Sendable {
    /// The instruction sets that there are kernels for, slowest first.
    public enum InstructionSet: String, Sendable, CaseIterable {
        case baseline
        /// NEON, and products of int8 weights by dot products of bytes.
        case dotprod
        case avx2
        /// AVX2, and products of int8 weights by dot products of bytes.
        case avxvnni
        case avx512
        /// AVX-512, and products of int8 weights by dot products of bytes.
        case avx512vnni
        /// That, and products of bfloat16 weights, and attention beside weights of both, by dot products of bfloat16.
        case avx512bf16
        /// AVX-512, and products of float32, bfloat16 and int8 weights, and attention beside the latter, by tiles.
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
        #if arch(x86_64)
            name = String(field("model name"))
            vendor = String(field("vendor_id"))
            flags = Set(field("flags").split(separator: " "))
        #else
            // Linux knows these by numbers alone.
            vendor = String(field("CPU implementer"))
            name = "arm64" + (vendor.isEmpty ? "" : " (implementer \(vendor), part \(field("CPU part")))")
            flags = Set(field("Features").split(separator: " "))
        #endif
        caches = Caches()
        coreCount = max(1, ProcessInfo.processInfo.activeProcessorCount)
    }

    /// A feature level needs every feature that the compiler's `-march` of that level implies.
    public func supports(_ set: InstructionSet) -> Bool {
        #if arch(x86_64)
            flags.isSuperset(of: Self.flags(of: set)) && (set != .amx || Self.tilesAreGranted)
        #else
            set == .baseline || set == .dotprod && xlsr_has_byte_dots()
        #endif
    }

    private static func flags(of set: InstructionSet) -> Set<Substring> {
        switch set {
        case .baseline: []
        case .dotprod: ["asimddp"]
        case .avx2: ["avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "popcnt", "sse4_2"]
        case .avxvnni: flags(of: .avx2).union(["avx_vnni"])
        case .avx512: flags(of: .avx2).union(["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"])
        case .avx512vnni: flags(of: .avx512).union(["avx512_vnni"])
        case .avx512bf16: flags(of: .avx512vnni).union(["avx512_bf16"])
        case .amx: flags(of: .avx512bf16).union(["amx_tile", "amx_bf16", "amx_int8"])
        }
    }

    public var instructionSets: [InstructionSet] { InstructionSet.allCases.filter(supports) }

    /// The fastest. Intel's dot products of bfloat16 take twice the time of float32's multiply-adds (88 against 177
    /// Gop/s on Emerald Rapids), AMD's half of it (550 against 275 on Zen 5).
    public var bestInstructionSet: InstructionSet {
        instructionSets.last { $0 != .avx512bf16 || vendor == "AuthenticAMD" } ?? .baseline
    }

    /// Why an instruction set can't be used, in words.
    func reasonAgainst(_ set: InstructionSet) -> String {
        flags.isSuperset(of: Self.flags(of: set))
            ? "the operating system doesn't let this process use the tiles of \(set.rawValue)"
            : "this processor has no \(set.rawValue)"
    }

    /// The kernels of a set that is supported, and of AMX, for where it is emulated, beside AVX2 too.
    package static func kernels(for set: InstructionSet) -> KernelTable {
        #if arch(x86_64)
            var table =
                switch set {
                case .baseline, .dotprod: SIMDKernels.Kernels.table
                case .avx2, .avxvnni: SIMDKernelsV3.Kernels.table
                case .avx512, .avx512vnni, .avx512bf16: SIMDKernelsV4.Kernels.table
                case .amx where current.supports(.avx512bf16): SIMDKernelsV4.Kernels.table
                case .amx: SIMDKernelsV3.Kernels.table
                }
            switch set {
            // With AVX-512, pairs of 16 bits and what adds them up share the ports of multiply-adds: no faster than
            // float32.
            case .baseline, .dotprod, .avx512: break
            case .avx2: table.shortTypes = [.bfloat16, .float16]
            case .avxvnni, .avx512vnni:
                (table.dotTypes, table.shortTypes, table.name) = (
                    [.int8, .int16], [.bfloat16, .float16], table.name + " + VNNI"
                )
            case .avx512bf16:
                (table.dotTypes, table.shortTypes, table.name) = (
                    [.int8, .int16, .bfloat16], [.float16], table.name + " + VNNI + BF16"
                )
            case .amx:
                table.name += " + AMX"
                // Bytes for few rows.
                if current.supports(.avx512vnni) { (table.dotTypes, table.shortTypes) = ([.int8, .int16], [.float16]) }
            }
            if set != .amx { table.tiles = nil }
            return table
        #else
            var table = SIMDKernels.Kernels.table
            if set == .dotprod { (table.dotTypes, table.name) = ([.int8], table.name + " + dotprod") }
            return table
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
