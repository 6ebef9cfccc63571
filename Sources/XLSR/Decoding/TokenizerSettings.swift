/// A token that text is split at before it is cut into characters (Hugging Face's `AddedToken`).
struct AddedToken {
    var content: CodePoints
    /// Eats the whitespace on its left.
    var stripsLeft = false
    /// Eats the whitespace on its right.
    var stripsRight = false
    /// Counts only between spaces.
    var isSingleWord = false
}

/// What the settings files of a tokenizer say, with the defaults of Hugging Face's `Wav2Vec2CTCTokenizer`.
///
/// As `from_pretrained` does: where tokenizer_config.json has `added_tokens_decoder`, special_tokens_map.json and
/// added_tokens.json are not read. A `word_delimiter_token` in tokenizer_config.json is honoured, as by transformers 4;
/// transformers 5.23 loses it while loading.
struct TokenizerSettings {
    private(set) var pad: CodePoints?
    private(set) var unknown: CodePoints?
    private(set) var wordDelimiter: CodePoints?
    private(set) var wordDelimiterReplacement = CodePoints(" ")
    private(set) var lowercases = false
    private(set) var cleansUpSpaces = false
    private(set) var targetLanguage: String?
    /// Every special token, in the order in which missing ones get ids at the end of the vocabulary.
    private(set) var specialTokens: [CodePoints] = []
    private(set) var addedTokens: [Int: AddedToken] = [:]

    private let path: String
    /// Each setting and the file that it is in.
    private var fields: [String: (value: JSON, file: String)] = [:]

    init(_ files: TokenizerFiles) throws {
        path = files.path
        if let tokenizer = try files.fields("processor_config.json")?["tokenizer"]?.object {
            merge(tokenizer, from: "processor_config.json")
        }
        merge(try files.fields("tokenizer_config.json") ?? [:], from: "tokenizer_config.json")
        if let (value, file) = fields["added_tokens_decoder"] {
            addedTokens = try decodeAddedTokens(value, file: file)
        } else {
            merge(try files.fields("special_tokens_map.json") ?? [:], from: "special_tokens_map.json")
            addedTokens = try Self.readAddedTokensFile(files)
        }
        try resolve()
    }

    func invalid(_ field: String, _ detail: String) -> CheckpointError {
        let file = fields[field]?.file ?? "tokenizer_config.json"
        return CheckpointError(.tokenizer, path: TokenizerFiles.path(of: file, in: path), "\(field) \(detail)")
    }

    private mutating func merge(_ settings: [String: JSON], from file: String) {
        for (name, value) in settings { fields[name] = (value, file) }
    }

    private mutating func resolve() throws {
        if case .string(let name)? = fields["tokenizer_class"]?.value, name == "Wav2Vec2PhonemeCTCTokenizer" {
            throw invalid("tokenizer_class", "\(name) is not supported; Wav2Vec2CTCTokenizer is")
        }
        pad = try token("pad_token", default: "<pad>")
        unknown = try token("unk_token", default: "<unk>")
        wordDelimiter = try token("word_delimiter_token", default: "|")
        specialTokens =
            [
                try token("bos_token", default: "<s>"), try token("eos_token", default: "</s>"), unknown,
                try token("sep_token", default: nil), pad, try token("cls_token", default: nil),
                try token("mask_token", default: nil), wordDelimiter,
            ].compactMap { $0 } + (try extraTokens())
        wordDelimiterReplacement = try token("replace_word_delimiter_char", default: " ") ?? CodePoints(" ")
        lowercases = try flag("do_lower_case")
        cleansUpSpaces = try flag("clean_up_tokenization_spaces")
        targetLanguage = try token("target_lang", default: nil)?.string
    }

    /// A token given as a string or as an object with `content`; JSON's null stands for "none".
    private func token(_ field: String, default name: String?) throws -> CodePoints? {
        guard let value = fields[field]?.value else { return name.map { CodePoints($0) } }
        if value == .null { return nil }
        guard let text = value.tokenContent else { throw invalid(field, "is neither a string nor a token") }
        return CodePoints(text)
    }

    private func flag(_ field: String) throws -> Bool {
        switch fields[field]?.value {
        case nil, .null: return false
        case .bool(let value): return value
        default: throw invalid(field, "is neither true nor false")
        }
    }

    private func extraTokens() throws -> [CodePoints] {
        try TokenizerFiles.extraTokenFields.flatMap { field in
            try (fields[field]?.value.array ?? []).map { value in
                guard let text = value.tokenContent else { throw invalid(field, "holds something that isn't a token") }
                return CodePoints(text)
            }
        }
    }

    private func decodeAddedTokens(_ value: JSON, file: String) throws -> [Int: AddedToken] {
        guard let entries = value.object else { throw invalid("added_tokens_decoder", "is not an object") }
        return try entries.reduce(into: [:]) { tokens, entry in
            guard let id = Int(entry.key), (0..<VocabularyParser.idLimit).contains(id) else {
                throw invalid("added_tokens_decoder", "has the id \"\(entry.key)\"")
            }
            guard let content = entry.value["content"]?.string else {
                throw invalid("added_tokens_decoder", "has no content for id \(id)")
            }
            guard tokens[id] == nil else { throw invalid("added_tokens_decoder", "has the id \(id) twice") }
            tokens[id] = AddedToken(
                content: CodePoints(content), stripsLeft: entry.value["lstrip"]?.bool ?? false,
                stripsRight: entry.value["rstrip"]?.bool ?? false,
                isSingleWord: entry.value["single_word"]?.bool ?? false)
        }
    }

    private static func readAddedTokensFile(_ files: TokenizerFiles) throws -> [Int: AddedToken] {
        let name = "added_tokens.json"
        guard let bytes = try files.bytes(name) else { return [:] }
        guard case .flat(let ids) = try VocabularyParser.parse(bytes, path: files.path(of: name)) else {
            throw CheckpointError(.tokenizer, path: files.path(of: name), "nests vocabularies; tokens and ids expected")
        }
        return try tokensByID(ids, path: files.path(of: name)).mapValues { AddedToken(content: $0) }
    }
}

/// Turns a vocabulary round, refusing ids that two tokens share.
func tokensByID(_ ids: [CodePoints: Int], path: String) throws -> [Int: CodePoints] {
    var tokens: [Int: CodePoints] = [:]
    tokens.reserveCapacity(ids.count)
    for (token, id) in ids {
        if let other = tokens.updateValue(token, forKey: id) {
            let names = [token.string, other.string].sorted().map { "\"\($0)\"" }.joined(separator: " and ")
            throw CheckpointError(.tokenizer, path: path, "the id \(id) is given to two tokens, \(names)")
        }
    }
    return tokens
}
