/// Walks JSON text value by value, for files that are too large to be parsed into `JSON` or whose keys `String`
/// dictionaries would merge (see `CodePoints`).
struct JSONCursor {
    /// Values may nest this deep; no settings file does.
    private static let depthLimit = 64

    private let bytes: [UInt8]
    let path: String
    private(set) var position = 0
    private var depth = 0

    init(_ bytes: [UInt8], path: String) {
        self.bytes = bytes
        self.path = path
    }

    /// The byte of the next value or separator; nil at the end.
    var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    func malformed(_ expected: String = "valid JSON") -> CheckpointError {
        CheckpointError(
            .malformed, path: path, "not \(expected), at byte \(position)", remedy: "download the file again")
    }

    mutating func skipWhitespace() {
        while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { position += 1 }
    }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    /// Nothing but whitespace may be left.
    mutating func finish() throws {
        skipWhitespace()
        guard position == bytes.count else { throw malformed() }
    }

    /// Calls `body` at each value, which it must take.
    mutating func object(_ body: (inout JSONCursor, String) throws -> Void) throws {
        try list(from: "{", to: "}") { cursor in
            let key = try cursor.string()
            cursor.skipWhitespace()
            guard cursor.take(":") else { throw cursor.malformed() }
            cursor.skipWhitespace()
            try body(&cursor, key)
        }
    }

    /// Calls `body` at each element, which it must take.
    mutating func array(_ body: (inout JSONCursor) throws -> Void) throws {
        try list(from: "[", to: "]", body)
    }

    private mutating func list(
        from start: Unicode.Scalar, to end: Unicode.Scalar, _ body: (inout JSONCursor) throws -> Void
    ) throws {
        skipWhitespace()
        guard take(start), depth < Self.depthLimit else { throw malformed() }
        depth += 1
        defer { depth -= 1 }
        skipWhitespace()
        if take(end) { return }
        repeat {
            skipWhitespace()
            try body(&self)
            skipWhitespace()
        } while take(",")
        guard take(end) else { throw malformed() }
    }

    /// The text of a number, `true`, `false` or `null`.
    mutating func word() throws -> String {
        let start = position
        while let byte = next, byte > 0x20, byte != UInt8(ascii: ","), byte != UInt8(ascii: "}"),
            byte != UInt8(ascii: "]")
        {
            position += 1
        }
        guard start < position else { throw malformed() }
        return String(decoding: bytes[start..<position].prefix(40), as: UTF8.self)
    }

    mutating func integer() throws -> Int {
        let text = try word()
        guard let value = Int(text), text.first != "+" else { throw malformed("an integer") }
        return value
    }

    /// Passes over a value of any kind.
    mutating func skip() throws {
        switch next {
        case UInt8(ascii: "{"): try object { cursor, _ in try cursor.skip() }
        case UInt8(ascii: "["): try array { try $0.skip() }
        case UInt8(ascii: "\""): _ = try string()
        default: _ = try word()
        }
    }

    /// A small value as a whole.
    mutating func value() throws -> JSON {
        let start = position
        try skip()
        return try JSON(parsing: bytes[start..<position], path: path)
    }

    mutating func string() throws -> String {
        guard take("\"") else { throw malformed() }
        var result = String.UnicodeScalarView()
        while true {
            let start = position
            while let byte = next, byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
                position += 1
            }
            guard let text = String(validating: bytes[start..<position], as: UTF8.self) else { throw malformed() }
            if take("\"") {
                if result.isEmpty { return text }
                return String(result + text.unicodeScalars)
            }
            result += text.unicodeScalars
            guard take("\\") else { throw malformed() }
            result.append(try escape())
        }
    }

    private mutating func escape() throws -> Unicode.Scalar {
        guard let byte = next else { throw malformed() }
        position += 1
        switch Unicode.Scalar(byte) {
        case "\"", "\\", "/": return Unicode.Scalar(byte)
        case "b": return "\u{8}"
        case "f": return "\u{C}"
        case "n": return "\n"
        case "r": return "\r"
        case "t": return "\t"
        case "u":
            var units = [try hexadecimalUnit()]
            if UTF16.isLeadSurrogate(units[0]), take("\\"), take("u") { units.append(try hexadecimalUnit()) }
            guard let scalar = String(validating: units, as: UTF16.self)?.unicodeScalars.first else {
                throw malformed()
            }
            return scalar
        default: throw malformed()
        }
    }

    private mutating func hexadecimalUnit() throws -> UInt16 {
        let digits = bytes[position...].prefix(4)
        guard digits.count == 4, let unit = UInt16(String(decoding: digits, as: UTF8.self), radix: 16),
            digits.first != UInt8(ascii: "+")
        else { throw malformed() }
        position += 4
        return unit
    }
}
