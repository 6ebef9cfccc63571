/// How tokens become text: the decoders of Hugging Face's tokenizers library, which a `tokenizer.json` names.
indirect enum TokenDecoder: Hashable, Sendable {
    /// The replacement stands for a space, but not at the beginning where one was prepended.
    case metaspace(replacement: Unicode.Scalar, drops: Bool)
    case replace(String, with: String)
    /// Tokens such as `<0xE5>` are bytes of UTF-8.
    case byteFallback
    case fuse
    /// Takes up to so many of a character from the ends of each token.
    case strip(Unicode.Scalar, start: Int, stop: Int)
    /// Every character stands for a byte, by GPT-2's table.
    case byteLevel
    case wordPiece(prefix: String, cleansUp: Bool)
    case bpe(suffix: String)
    case sequence([TokenDecoder])

    /// What the text of some tokens is: the concatenation.
    func callAsFunction(_ tokens: [String]) -> [String] {
        switch self {
        case .metaspace(let replacement, let drops):
            return tokens.enumerated().map { index, token in
                let scalars = token.unicodeScalars.compactMap { scalar -> Unicode.Scalar? in
                    scalar == replacement ? (drops && index == 0 ? nil : " ") : scalar
                }
                return scalars.string
            }
        case .replace(let old, let new):
            return tokens.map { CodePoints($0).replacing(CodePoints(old), with: CodePoints(new)).string }
        case .byteFallback: return Self.joiningBytes(tokens)
        case .fuse: return [tokens.joined()]
        case .strip(let character, let start, let stop):
            return tokens.map { token in
                var scalars = CodePoints(token)[...]
                for _ in 0..<start where scalars.first == character { scalars.removeFirst() }
                for _ in 0..<stop where scalars.last == character { scalars.removeLast() }
                return CodePoints(scalars).string
            }
        case .byteLevel: return [String(decoding: tokens.flatMap(ByteLevelAlphabet.bytes), as: UTF8.self)]
        case .wordPiece(let prefix, let cleansUp):
            return tokens.enumerated().map { index, token in
                let isContinuation = token.unicodeScalars.starts(with: prefix.unicodeScalars)
                let joined =
                    index == 0
                    ? token
                    : isContinuation
                        ? String(token.unicodeScalars.dropFirst(prefix.unicodeScalars.count)) : " " + token
                return cleansUp ? CodePoints(joined).cleanedUp().string : joined
            }
        case .bpe(let suffix):
            return tokens.enumerated().map { index, token in
                let space = index == tokens.count - 1 ? "" : " "
                return CodePoints(token).replacing(CodePoints(suffix), with: CodePoints(space)).string
            }
        case .sequence(let steps): return steps.reduce(tokens) { $1($0) }
        }
    }

    /// Runs of byte tokens as text; a replacement character for each byte of a run that isn't UTF-8.
    private static func joiningBytes(_ tokens: [String]) -> [String] {
        var result: [String] = []
        var bytes: [UInt8] = []
        func flushed() -> [String] {
            if let text = String(validating: bytes, as: UTF8.self) { return bytes.isEmpty ? [] : [text] }
            return bytes.map { _ in "\u{FFFD}" }
        }
        for token in tokens {
            if let byte = byte(of: token) {
                bytes.append(byte)
            } else {
                result += flushed() + [token]
                bytes = []
            }
        }
        return result + flushed()
    }

    private static func byte(of token: String) -> UInt8? {
        let text = token.utf8
        guard text.count == 6, token.hasPrefix("<0x"), token.hasSuffix(">") else { return nil }
        return UInt8(token.dropFirst(3).dropLast(), radix: 16)
    }
}

/// The characters by which GPT-2's byte-level vocabularies spell bytes: printable ones stand for themselves, the other
/// 68 for U+0100 and up, in order.
enum ByteLevelAlphabet {
    private static let byCharacter: [Unicode.Scalar: UInt8] = {
        var result: [Unicode.Scalar: UInt8] = [:]
        var next: UInt32 = 0x100
        for byte in UInt8.min...UInt8.max {
            switch byte {
            case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: result[Unicode.Scalar(byte)] = byte
            default:
                if let scalar = Unicode.Scalar(next) { result[scalar] = byte }
                next += 1
            }
        }
        return result
    }()

    /// The bytes that a token spells; its own UTF-8 when it has a character that spells none.
    static func bytes(of token: String) -> [UInt8] {
        let bytes = token.unicodeScalars.compactMap { byCharacter[$0] }
        return bytes.count == token.unicodeScalars.count ? bytes : Array(token.utf8)
    }
}
