/// Turns token ids into text and text into token ids, as Hugging Face's class of the same name.
///
/// Tokens are compared by code points: "é" and "e" + combining acute are different tokens.
public struct Wav2Vec2CTCTokenizer: Sendable {
    /// The id of the padding token, which is CTC's blank; often not 0.
    public let blankID: Int
    /// The id of the token between words, if the files list it.
    public let wordDelimiterID: Int?
    /// The id that unknown characters are encoded as, if the files list it.
    public let unknownID: Int?
    /// The number of different tokens, special and added ones included, as Python's `len(tokenizer)`.
    ///
    /// Special tokens that the files don't list count too, so a model's head may have fewer rows.
    public let vocabularySize: Int
    /// The language of a vocabulary that is one of several.
    public let language: String?

    private let settings: TokenizerSettings
    private let ids: [CodePoints: Int]
    private let tokens: [Int: CodePoints]
    private let added: AddedTokenTable

    /// Reads the tokenizer of a checkpoint's folder.
    ///
    /// - Parameter language: which vocabulary of a nested vocab.json; by default the checkpoint's `target_lang`.
    /// - Throws: `CheckpointError` for a missing vocab.json (`.missingFile`), text that isn't JSON (`.malformed`),
    ///   and vocabularies or settings that can't be used (`.tokenizer`).
    public init(folder path: String, language: String? = nil) throws {
        let files = try CheckpointFiles(folder: path)
        try self.init(path: path, language: language) { try files.contents(of: $0) }
    }

    /// Reads a tokenizer from files that `files` returns by name, nil for one that doesn't exist.
    ///
    /// Reads vocab.json, tokenizer_config.json, special_tokens_map.json, added_tokens.json and the field `tokenizer`
    /// of processor_config.json. `path` names the place in errors. Otherwise as `init(folder:language:)`.
    public init(path: String, language: String? = nil, files: @escaping (String) throws -> [UInt8]?) throws {
        let files = TokenizerFiles(path: path, read: files)
        let vocabularyPath = files.path(of: "vocab.json")
        guard let bytes = try files.bytes("vocab.json") else {
            throw CheckpointError(
                .missingFile, path: vocabularyPath, "no such file, so token ids have no text",
                remedy: "checkpoints without a CTC head give features only")
        }
        settings = try TokenizerSettings(files)
        (ids, self.language) = try Self.choose(
            try VocabularyParser.parse(bytes, path: vocabularyPath), language: language,
            default: settings.targetLanguage, path: vocabularyPath)
        tokens = try tokensByID(ids, path: vocabularyPath)

        guard let pad = settings.pad else {
            throw settings.invalid("pad_token", "is null; CTC needs it as its blank")
        }
        let (settings, ids, tokens) = (settings, ids, tokens)
        func listedID(of token: CodePoints) -> Int? {
            let added = settings.addedTokens.filter { $1.content == token && tokens[$0, default: token] == token }
            return added.keys.max() ?? ids[token]
        }
        guard let blankID = listedID(of: pad) else {
            throw settings.invalid(
                "pad_token", "is \"\(pad.string)\", which is neither in vocab.json nor among the added tokens")
        }
        self.blankID = blankID
        unknownID = settings.unknown.flatMap(listedID)
        wordDelimiterID = settings.wordDelimiter.flatMap(listedID)
        added = AddedTokenTable(settings, vocabulary: ids, tokens: tokens)
        vocabularySize =
            ids.count + Set(added.contents.values).count { ids[$0] == nil }
    }

    /// The languages of a nested vocab.json, in alphabetical order; none for one that is flat or missing.
    static func languages(_ files: CheckpointFiles) throws -> [String] {
        guard let bytes = try files.contents(of: "vocab.json"),
            case .nested(let vocabularies) = try VocabularyParser.parse(bytes, path: files.path(of: "vocab.json"))
        else { return [] }
        return vocabularies.keys.sorted()
    }

    private static func choose(
        _ vocabulary: VocabularyParser.Vocabulary, language: String?, default target: String?, path: String
    ) throws -> ([CodePoints: Int], String?) {
        switch vocabulary {
        case .flat(let ids):
            // A flat vocabulary's target_lang says nothing that decoding needs.
            guard let language else { return (ids, nil) }
            throw CheckpointError(
                .tokenizer, path: path, "has one vocabulary for all languages, none for \"\(language)\"",
                remedy: "leave the language out")
        case .nested(let vocabularies):
            let known = "one of " + listing(vocabularies.keys.sorted())
            guard let language = language ?? target else {
                throw CheckpointError(
                    .tokenizer, path: path, "has a vocabulary for each language", remedy: "name a language, \(known)")
            }
            guard let ids = vocabularies[language] else {
                throw CheckpointError(
                    .tokenizer, path: path,
                    "has no vocabulary for the language \"\(language)\""
                        + suggestion(for: language, among: vocabularies.keys.sorted()),
                    remedy: "name \(known)")
            }
            return (ids, language)
        }
    }

    /// The token of an id, nil if there is none.
    public func token(for id: Int) -> String? { (tokens[id] ?? added.contents[id])?.string }

    /// The id of a token, nil if there is none.
    public func id(for token: String) -> Int? {
        let token = CodePoints(token)
        return added.ids[token] ?? ids[token]
    }
}

extension Wav2Vec2CTCTokenizer {
    /// One token and the frames on which it was repeated.
    struct TokenRun {
        var token: CodePoints
        var frames: Range<Int>
    }

    /// The text of one id per frame, as Hugging Face's `batch_decode(ids)`.
    ///
    /// Groups equal tokens, drops blanks, writes word delimiters as spaces, strips. An id that has no token counts as
    /// the unknown token.
    public func decode(_ ids: some Sequence<Int>) -> String {
        text(of: runs(of: ids))
    }

    /// The characters of a best path: equal neighbours grouped, blanks dropped, word delimiters replaced.
    ///
    /// Tokens are grouped as text, not as ids: two ids may have the same token.
    func runs(of ids: some Sequence<Int>) -> [TokenRun] {
        var runs: [TokenRun] = []
        for (frame, id) in ids.enumerated() {
            let token = tokens[id] ?? added.contents[id] ?? settings.unknown ?? []
            if let last = runs.indices.last, runs[last].token == token {
                runs[last].frames = runs[last].frames.lowerBound..<(frame + 1)
            } else {
                runs.append(TokenRun(token: token, frames: frame..<(frame + 1)))
            }
        }
        return runs.filter { $0.token != settings.pad }.map { run in
            run.token == settings.wordDelimiter
                ? TokenRun(token: settings.wordDelimiterReplacement, frames: run.frames) : run
        }
    }

    func text(of runs: [TokenRun]) -> String {
        let text = cased(runs.flatMap(\.token).strippingWhitespace())
        return (settings.cleansUpSpaces ? text.cleanedUp() : text).string
    }

    /// Whether text is lower case, and the vocabulary upper case.
    var lowercases: Bool { settings.lowercases }

    func cased(_ text: CodePoints) -> CodePoints { settings.lowercases ? text.lowercased() : text }

    func isWordDelimiter(_ run: TokenRun) -> Bool { run.token == settings.wordDelimiterReplacement }

    /// The ids of a text, as Hugging Face's `tokenizer(text).input_ids`.
    ///
    /// Cuts at added tokens, then into code points, with spaces as word delimiters; `do_lower_case` means that the
    /// vocabulary is in upper case.
    /// - Throws: `UsageError` for a character that isn't in a vocabulary without an unknown token.
    public func encode(_ text: String) throws -> [Int] {
        try added.split(CodePoints(text)).flatMap { piece -> [Int] in
            if let id = added.ids[piece] { return [id] }
            var piece = settings.lowercases ? piece.uppercased() : piece
            if let delimiter = settings.wordDelimiter {
                piece = piece.replacing(CodePoints(" "), with: delimiter)
            }
            return try piece.map { character in
                guard let id = added.ids[[character]] ?? ids[[character]] ?? unknownID else {
                    throw UsageError("the vocabulary has neither \"\(character)\" nor an unknown token")
                }
                return id
            }
        }
    }
}
