import FoundationEssentials

/// The tokens of a fairseq CTC model: `<s>`, `<pad>`, `</s>`, `<unk>`, then those of a file of lines `token count`.
struct FairseqDictionary {
    /// In the order of their ids.
    let symbols: [CodePoints]

    private static let specialSymbols = ["<s>", "<pad>", "</s>", "<unk>"]
    private static let lineFeed: UInt8 = 0x0A

    /// Of a file `dict.ltr.txt`, by fairseq's rules.
    /// - Throws: `CheckpointError` naming the line that is no token with a count.
    init(_ bytes: [UInt8], path: String) throws {
        var symbols = Self.specialSymbols.map { CodePoints($0) }
        var seen = Set(symbols)
        var lines = bytes.split(separator: Self.lineFeed, omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        for (index, bytes) in lines.enumerated() {
            func invalid(_ detail: String) -> CheckpointError {
                CheckpointError(
                    .tokenizer, path: path, "line \(index + 1) \(detail)", remedy: "lines are `token count`")
            }
            guard let text = String(validating: bytes, as: UTF8.self) else { throw invalid("is not UTF-8") }
            var rest = CodePoints(text).strippingTrailingWhitespace()
            var field = Self.popField(&rest)
            let overwrites = field == CodePoints("#fairseq:overwrite")
            if overwrites { field = Self.popField(&rest) }
            guard let field, Int(field.string) != nil else { throw invalid("has no count after its token") }
            let symbol = rest
            guard seen.insert(symbol).inserted || overwrites else { throw invalid("has a token that is there already") }
            symbols.append(symbol)
        }
        self.init(symbols)
    }

    /// What stands behind the last space.
    private static func popField(_ rest: inout CodePoints) -> CodePoints? {
        guard let space = rest.lastIndex(of: " ") else { return nil }
        defer { rest = CodePoints(rest[..<space]) }
        return CodePoints(rest[(space + 1)...])
    }

    init(_ symbols: [CodePoints]) {
        self.symbols = symbols
    }

    /// CTC's blank: a token of that name, else the first.
    var blankID: Int { symbols.firstIndex(of: CodePoints("<ctc_blank>")) ?? 0 }

    /// vocab.json and tokenizer_config.json with the same tokens, in which Hugging Face's padding token is CTC's blank.
    ///
    /// Text is fairseq's but for `</s>`, which fairseq leaves out; CTC models are not trained to write it.
    func files() throws -> [String: [UInt8]] {
        var seen: Set<CodePoints> = []
        // Written by hand: dictionaries of strings merge tokens that are canonically equivalent.
        let members = try symbols.enumerated().reversed().compactMap { id, symbol -> String? in
            guard seen.insert(symbol).inserted else { return nil }
            return "\(try Self.json(symbol.string)): \(id)"
        }
        let blank = symbols.indices.contains(blankID) ? symbols[blankID].string : "<s>"
        let start = blank == "<s>" ? "<pad>" : "<s>"
        let settings = """
            {"tokenizer_class": "Wav2Vec2CTCTokenizer", "bos_token": "\(start)", "eos_token": "</s>", \
            "unk_token": "<unk>", "pad_token": \(try Self.json(blank)), "word_delimiter_token": "|", \
            "do_lower_case": false}

            """
        return [
            "vocab.json": Array("{\(members.reversed().joined(separator: ", "))}\n".utf8),
            "tokenizer_config.json": Array(settings.utf8),
        ]
    }

    private static func json(_ text: String) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        return String(decoding: try encoder.encode(text), as: UTF8.self)
    }
}
