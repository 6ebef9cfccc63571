/// What kind of language model a file is by its first bytes.
enum LanguageModelFile {
    case arpa
    case gzip
    case kenLM
    /// - Parameter description: what the file may be, for an error.
    case unknown(String)

    init(_ bytes: UnsafeRawBufferPointer) {
        func starts(_ text: StaticString) -> Bool {
            bytes.starts(with: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
        }
        if bytes.starts(with: [0x1F, 0x8B]) {
            self = .gzip
        } else if starts("mmap lm http://kheafield.com/code") {
            self = .kenLM
        } else if Self.isARPA(bytes) {
            self = .arpa
        } else if starts("blmt") || starts("Qblmt") {
            self = .unknown("an IRSTLM binary")
        } else if starts("iARPA") || starts("qARPA") {
            self = .unknown("IRSTLM's variant of ARPA")
        } else if starts("BZh") || bytes.starts(with: [0xFD, 0x37, 0x7A, 0x58, 0x5A]) {
            self = .unknown("compressed by bzip2 or xz")
        } else if bytes.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) {
            self = .unknown("compressed by zstd")
        } else if bytes.starts(with: [0x50, 0x4B, 3, 4]) {
            self = .unknown("a zip archive")
        } else {
            self = .unknown("not a language model")
        }
    }

    /// Blank lines and lines that open with "#" may come before `\data\`.
    private static func isARPA(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var rest = bytes.prefix(1 << 16)
        if rest.starts(with: ARPAParser.byteOrderMark) { rest = rest.dropFirst(ARPAParser.byteOrderMark.count) }
        while true {
            rest = rest.drop { ARPAParser.isSpace($0) }
            guard rest.first == UInt8(ascii: "#") else { return rest.starts(with: "\\data\\".utf8) }
            rest = rest.drop { $0 != UInt8(ascii: "\n") }
        }
    }

    private static let supported = "a language model is an ARPA file, plain or compressed by gzip, or a KenLM binary"

    static func unsupported(_ path: String, _ description: String, remedy: String = supported) -> CheckpointError {
        CheckpointError(.languageModel, path: path, "is \(description)", remedy: remedy)
    }
}
