/// A compute device by name: what `--device` takes.
public struct Device: Hashable, Sendable, CustomStringConvertible {
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// Naive loops with Double sums: the oracle of the tests.
        case reference
        /// Hand-written SIMD Swift on the CPU.
        case simd
        /// Matrix products by OpenBLAS, everything else as `simd`.
        case openblas
        case opencl
        case cuda
        /// The fastest present.
        case auto

        /// Whether there may be several.
        var isNumbered: Bool { self == .opencl || self == .cuda }
    }

    public let kind: Kind
    /// Which of several devices of that kind; 0 for the CPU kinds.
    public let index: Int

    /// - Parameter index: of a GPU; there is one device of each other kind.
    public init(_ kind: Kind, index: Int = 0) {
        self.kind = kind
        self.index = kind.isNumbered ? index : 0
    }

    /// Parses `simd`, `openblas`, `opencl:1`, …; nil for anything else.
    public init?(_ name: String) {
        let parts = name.split(separator: ":", omittingEmptySubsequences: false)
        guard let first = parts.first, let kind = Kind(rawValue: String(first)), parts.count <= 2 else { return nil }
        let index = parts.count == 1 ? 0 : Int(parts[1])
        guard let index, (0..<1024).contains(index), parts.count == 1 || kind.isNumbered else { return nil }
        self.init(kind, index: index)
    }

    public static let auto = Device(.auto)
    public static let reference = Device(.reference)
    public static let simd = Device(.simd)
    public static let openblas = Device(.openblas)
    public static func opencl(_ index: Int = 0) -> Device { Device(.opencl, index: index) }
    public static func cuda(_ index: Int = 0) -> Device { Device(.cuda, index: index) }

    public var description: String { index == 0 ? kind.rawValue : "\(kind.rawValue):\(index)" }
}
