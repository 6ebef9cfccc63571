/// A `tokenizer.json`: vocabulary, added tokens and decoder; what only splits text is passed over.
struct TokenizerJSONFile {
    static let name = "tokenizer.json"

    private var tokens: [Int: String] = [:]
    private var specialIDs: Set<Int> = []
    private var decoder: TokenDecoder?
    private var modelType: String?

    /// - Throws: `CheckpointError` for text that isn't JSON of this form, and for a model or decoder that isn't known.
    init(_ bytes: [UInt8], path: String) throws {
        var cursor = JSONCursor(bytes, path: path)
        var added: [Int: (content: String, isSpecial: Bool)] = [:]
        var (hasModel, decoderFields) = (false, JSON.null)
        try cursor.object { cursor, key in
            switch key {
            case "model":
                hasModel = true
                try readModel(&cursor)
            case "added_tokens":
                try cursor.array { cursor in
                    let token = try cursor.value()
                    guard let id = token["id"]?.int, 0..<VocabularyParser.idLimit ~= id,
                        let content = token["content"]?.string
                    else { throw Self.invalid(path, "an added token has no id or no content") }
                    added[id] = (content, token["special"]?.bool ?? false)
                }
            case "decoder": decoderFields = try cursor.value()
            default: try cursor.skip()
            }
        }
        try cursor.finish()
        guard hasModel, !tokens.isEmpty else { throw Self.invalid(path, "it has no vocabulary") }
        for (id, token) in added {
            tokens[id] = token.content
            if token.isSpecial { specialIDs.insert(id) }
        }
        decoder = try TokenDecoder(decoderFields, path: path)
    }

    func tokenizer(_ settings: SubwordSettings) -> SubwordTokenizer {
        let named = tokens.filter { settings.specialTokens.contains($0.value) }.keys
        // transformers cleans up no BPE: it would take spaces that belong there.
        return SubwordTokenizer(
            tokens: tokens, specialIDs: specialIDs.union(named).union(settings.specialIDs), decoder: decoder,
            cleansUp: settings.cleansUp && modelType != "BPE")
    }

    /// The vocabulary: a list of pieces with their scores for Unigram models, tokens with their ids for all others.
    private mutating func readModel(_ cursor: inout JSONCursor) throws {
        var (tokens, modelType): ([Int: String], String?) = ([:], nil)
        try cursor.object { cursor, key in
            switch (key, cursor.next) {
            case ("type", UInt8(ascii: "\"")): modelType = try cursor.string()
            case ("vocab", UInt8(ascii: "[")):
                try cursor.array { cursor in
                    var piece: String?
                    try cursor.array { cursor in
                        if piece == nil { piece = try cursor.string() } else { try cursor.skip() }
                    }
                    guard let piece else { throw Self.invalid(cursor.path, "piece \(tokens.count) has no text") }
                    tokens[tokens.count] = piece
                }
            case ("vocab", _):
                try cursor.object { cursor, token in
                    let id = try VocabularyParser.id(of: token, &cursor)
                    guard tokens.updateValue(token, forKey: id) == nil else {
                        throw Self.invalid(cursor.path, "the id \(id) is given to two tokens")
                    }
                }
            default: try cursor.skip()
            }
        }
        (self.tokens, self.modelType) = (tokens, modelType)
    }

    static func invalid(_ path: String, _ detail: String) -> CheckpointError {
        CheckpointError(.tokenizer, path: path, detail, remedy: "download the file again")
    }
}

extension TokenDecoder {
    /// - Throws: `CheckpointError` that names a decoder that isn't known; nil for JSON's null.
    init?(_ fields: JSON, path: String, depth: Int = 0) throws {
        guard fields != .null else { return nil }
        func text(_ name: String, default fallback: String) throws -> String {
            guard let value = fields[name] else { return fallback }
            guard let string = value.string else {
                throw TokenizerJSONFile.invalid(path, "decoder: \(name) is no text")
            }
            return string
        }
        func scalar(_ name: String, default fallback: String) throws -> Unicode.Scalar {
            let string = try text(name, default: fallback)
            guard let first = string.unicodeScalars.first, string.unicodeScalars.count == 1 else {
                throw TokenizerJSONFile.invalid(path, "decoder: \(name) is not one character")
            }
            return first
        }
        func count(_ name: String) throws -> Int {
            guard let value = fields[name]?.int, 0...10_000 ~= value else {
                throw TokenizerJSONFile.invalid(path, "decoder: \(name) is no count")
            }
            return value
        }
        switch fields["type"]?.string {
        case "Metaspace":
            // Older files have add_prefix_space instead of prepend_scheme.
            let prepends = fields["add_prefix_space"]?.bool ?? true
            let scheme = try text("prepend_scheme", default: prepends ? "always" : "never")
            self = .metaspace(replacement: try scalar("replacement", default: "▁"), drops: scheme != "never")
        case "Replace":
            guard let pattern = fields["pattern"]?["String"]?.string else {
                throw CheckpointError(
                    .tokenizer, path: path, "decoder: patterns other than plain text are not supported")
            }
            self = .replace(pattern, with: try text("content", default: ""))
        case "ByteFallback": self = .byteFallback
        case "Fuse": self = .fuse
        case "Strip":
            self = .strip(try scalar("content", default: " "), start: try count("start"), stop: try count("stop"))
        case "ByteLevel": self = .byteLevel
        case "WordPiece":
            self = .wordPiece(
                prefix: try text("prefix", default: "##"), cleansUp: fields["cleanup"]?.bool ?? true)
        case "BPEDecoder": self = .bpe(suffix: try text("suffix", default: "</w>"))
        case "Sequence":
            guard let steps = fields["decoders"]?.array, depth < 8 else {
                throw TokenizerJSONFile.invalid(path, "decoder: a sequence has no list of decoders")
            }
            self = .sequence(try steps.compactMap { try TokenDecoder($0, path: path, depth: depth + 1) })
        case let type:
            throw CheckpointError(.tokenizer, path: path, "the decoder \"\(type ?? "")\" is not supported")
        }
    }
}
