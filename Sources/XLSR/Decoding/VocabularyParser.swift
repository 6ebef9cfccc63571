/// Reads vocab.json and added_tokens.json: `{token: id}`, or `{language: {token: id}}`.
///
/// A parser of its own, because a dictionary with `String` keys, which every JSON decoder goes through, merges
/// tokens that are canonically equivalent (see `CodePoints`).
struct VocabularyParser {
    enum Vocabulary {
        case flat([CodePoints: Int])
        case nested([String: [CodePoints: Int]])
    }

    /// Ids name rows of a matrix; anything near this is damage.
    static let idLimit = 10_000_000

    private let bytes: [UInt8]
    private let path: String
    private var position = 0

    private init(_ bytes: [UInt8], path: String) {
        self.bytes = bytes
        self.path = path
    }

    /// - Throws: `CheckpointError` for text that isn't JSON of this form and for ids that aren't integers in
    ///   0 ..< 10,000,000.
    static func parse(_ bytes: [UInt8], path: String) throws -> Vocabulary {
        var parser = VocabularyParser(bytes, path: path)
        var flat: [CodePoints: Int] = [:]
        var nested: [String: [CodePoints: Int]] = [:]
        try parser.parseObject { parser, key in
            if parser.next == UInt8(ascii: "{") {
                var vocabulary: [CodePoints: Int] = [:]
                try parser.parseObject { parser, token in vocabulary[token] = try parser.parseID(of: token) }
                nested[key.string] = vocabulary
            } else {
                flat[key] = try parser.parseID(of: key)
            }
        }
        parser.skipWhitespace()
        guard parser.position == bytes.count else { throw parser.malformed() }
        guard flat.isEmpty || nested.isEmpty else {
            throw CheckpointError(.tokenizer, path: path, "mixes token ids with vocabularies of languages")
        }
        return nested.isEmpty ? .flat(flat) : .nested(nested)
    }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private func malformed() -> CheckpointError {
        CheckpointError(
            .malformed, path: path, "not a JSON object of tokens and ids, at byte \(position)",
            remedy: "download the file again")
    }

    private mutating func skipWhitespace() {
        while let byte = next, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { position += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func parseObject(_ parseValue: (inout VocabularyParser, CodePoints) throws -> Void) throws {
        skipWhitespace()
        guard take("{") else { throw malformed() }
        skipWhitespace()
        if take("}") { return }
        repeat {
            skipWhitespace()
            let key = try parseString()
            skipWhitespace()
            guard take(":") else { throw malformed() }
            skipWhitespace()
            try parseValue(&self, key)
            skipWhitespace()
        } while take(",")
        guard take("}") else { throw malformed() }
    }

    private mutating func parseID(of token: CodePoints) throws -> Int {
        let start = position
        while let byte = next, byte > 0x20, byte != UInt8(ascii: ","), byte != UInt8(ascii: "}") { position += 1 }
        let text = String(decoding: bytes[start..<position].prefix(40), as: UTF8.self)
        guard let id = Int(text), (0..<Self.idLimit).contains(id), text.first != "+" else {
            throw CheckpointError(
                .tokenizer, path: path,
                "token \"\(token.string)\" has the id \(text); ids are integers in 0 ..< \(Self.idLimit)")
        }
        return id
    }

    private mutating func parseString() throws -> CodePoints {
        guard take("\"") else { throw malformed() }
        var result = CodePoints()
        while true {
            let start = position
            while let byte = next, byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
                position += 1
            }
            guard let text = String(validating: bytes[start..<position], as: UTF8.self) else { throw malformed() }
            result += text.unicodeScalars
            if take("\"") { return result }
            guard take("\\") else { throw malformed() }
            result.append(try parseEscape())
        }
    }

    private mutating func parseEscape() throws -> Unicode.Scalar {
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
            var units = [try parseHexadecimalUnit()]
            if UTF16.isLeadSurrogate(units[0]), take("\\"), take("u") { units.append(try parseHexadecimalUnit()) }
            guard let scalar = String(validating: units, as: UTF16.self)?.unicodeScalars.first else {
                throw malformed()
            }
            return scalar
        default: throw malformed()
        }
    }

    private mutating func parseHexadecimalUnit() throws -> UInt16 {
        let digits = bytes[position...].prefix(4)
        guard digits.count == 4, let unit = UInt16(String(decoding: digits, as: UTF8.self), radix: 16),
            digits.first != UInt8(ascii: "+")
        else { throw malformed() }
        position += 4
        return unit
    }
}
