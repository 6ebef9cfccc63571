/// A `sentencepiece.bpe.model`: the pieces of a sentencepiece `ModelProto`, in their order.
///
/// Protocol buffers' wire format: fields of a number and a kind, of which field 1 holds a piece each, whose field 1 is
/// its text. Scores, trainer and normaliser settings split text and are passed over.
struct SentencePieceFile {
    static let name = "sentencepiece.bpe.model"

    private let pieces: [String]
    private let path: String

    /// - Throws: `CheckpointError` for a file that is cut or isn't one of these.
    init(_ bytes: [UInt8], path: String) throws {
        self.path = path
        pieces = try bytes.withUnsafeBytes { bytes in
            var pieces: [String] = []
            var message = ProtobufReader(ByteReader(bytes, path: path))
            while let (number, payload) = try message.next(end: bytes.count) {
                guard number == 1, let payload else { continue }
                var piece: String?
                var inner = ProtobufReader(ByteReader(bytes, path: path, position: payload.lowerBound))
                while let (number, text) = try inner.next(end: payload.upperBound) {
                    guard number == 1, let text else { continue }
                    var reader = ByteReader(bytes, path: path, position: text.lowerBound)
                    piece = try reader.string(byteCount: text.count)
                }
                guard let piece else { throw CheckpointError.malformed(path, "piece \(pieces.count) has no text") }
                pieces.append(piece)
            }
            return pieces
        }
        guard pieces.count > 3 else {
            throw CheckpointError.malformed(path, "\(pieces.count) pieces, so this is no sentencepiece model")
        }
    }

    /// The ids are fairseq's: four special tokens, the pieces without their own three, the languages, the mask.
    func tokenizer(_ settings: SubwordSettings) throws -> SubwordTokenizer {
        let languages = try languages(settings)
        let special = ["<s>", "<pad>", "</s>", "<unk>"]
        let hasLanguages = pieces.contains { languages.contains($0) }
        let all = hasLanguages ? pieces : special + pieces.dropFirst(3) + languages + ["<mask>"]
        let names = settings.specialTokens.union(special + languages + ["<mask>"])
        return SubwordTokenizer(
            tokens: Dictionary(uniqueKeysWithValues: all.enumerated().map { ($0, $1) }),
            specialIDs: Set(all.indices.filter { names.contains(all[$0]) }).union(settings.specialIDs),
            decoder: .metaspace(replacement: "▁", drops: true), cleansUp: settings.cleansUp)
    }

    private func languages(_ settings: SubwordSettings) throws -> [String] {
        switch settings.className?.replacingSuffix("Fast", with: "") {
        case nil, "MBart50Tokenizer": return TargetLanguage.mBART50Tokens
        case "MBartTokenizer": return Array(TargetLanguage.mBART50Tokens.prefix(25))
        case "XLMRobertaTokenizer": return []
        case let name?:
            throw CheckpointError(
                .tokenizer, path: path, "the ids of a \(name) are not known",
                remedy: "save it by transformers, which writes tokenizer.json")
        }
    }
}

extension String {
    fileprivate func replacingSuffix(_ suffix: String, with other: String) -> String {
        hasSuffix(suffix) ? dropLast(suffix.count) + other : self
    }
}

/// Reads the fields of a protocol buffers message.
private struct ProtobufReader {
    private var reader: ByteReader

    init(_ reader: ByteReader) {
        self.reader = reader
    }

    /// The next field's number, and where its bytes are if it has any; nil at the end of the message.
    mutating func next(end: Int) throws -> (number: UInt64, payload: Range<Int>?)? {
        guard reader.position < end else { return nil }
        let key = try varint()
        var payload: Range<Int>?
        switch key & 7 {
        case 0: _ = try varint()
        case 1: _ = try reader.take(8)
        case 5: _ = try reader.take(4)
        case 2:
            guard let count = Int(exactly: try varint()) else { throw malformed() }
            let start = reader.position
            _ = try reader.take(count)
            payload = start..<reader.position
        default: throw malformed()
        }
        guard reader.position <= end else { throw malformed() }
        return (key >> 3, payload)
    }

    private mutating func varint() throws -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: 0, to: 64, by: 7) {
            let byte = try reader.integer(UInt8.self)
            value |= UInt64(byte & 0x7F) << UInt64(shift)
            if byte < 0x80 { return value }
        }
        throw malformed()
    }

    private func malformed() -> CheckpointError {
        .malformed(reader.path, "no protocol buffers message at byte \(reader.position)")
    }
}
