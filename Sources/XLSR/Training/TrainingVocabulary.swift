import FoundationEssentials

/// The tokens of the texts that a recogniser is trained on.
struct TrainingVocabulary {
    let tokenizer: Wav2Vec2CTCTokenizer
    /// The rows of its head.
    let size: Int
    /// Whether it is the checkpoint's own.
    let isKept: Bool
    /// What a checkpoint has of it.
    let files: [(name: String, bytes: [UInt8])]

    /// Words of a text, parted by single spaces.
    static func normalized(_ text: String, _ normalization: TranscriptPairs.Normalization) -> String {
        normalization.apply(to: text).split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }

    /// The vocabulary of a model that has one for all of the texts, else their characters.
    init(of texts: [String], _ model: XLSRModel) throws {
        if model.configuration.hasCTCHead, let own = try? model.tokenizer, own.covers(texts) {
            try self.init(
                tokens: (0..<model.configuration.vocabularySize).map { own.token(for: $0) }, like: own, isKept: true)
        } else {
            let characters = Set(texts.flatMap { CodePoints($0) }).subtracting([" ", "|"]).sorted()
            try self.init(tokens: ["<pad>", "<unk>", "|"] + characters.map { String($0) }, like: nil, isKept: false)
        }
    }

    /// - Parameter tokens: nil where an output has none.
    private init(tokens: [String?], like own: Wav2Vec2CTCTokenizer?, isKept: Bool) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        // By hand, because a dictionary of `String` would merge tokens that are canonically equivalent.
        let lines = try tokens.enumerated().compactMap { id, token in
            try token.map { "  \(String(decoding: try encoder.encode($0), as: UTF8.self)): \(id)" }
        }
        func special(_ id: Int?, _ name: String) -> JSON {
            guard let own else { return .string(name) }
            return id.flatMap { own.token(for: $0) }.map { .string($0) } ?? .null
        }
        let settings: [String: JSON] = [
            "tokenizer_class": .string("Wav2Vec2CTCTokenizer"), "bos_token": .null, "eos_token": .null,
            "pad_token": special(own?.blankID, "<pad>"), "unk_token": special(own?.unknownID, "<unk>"),
            "word_delimiter_token": special(own?.wordDelimiterID, "|"),
            "do_lower_case": .bool(own?.lowercases ?? false),
        ]
        files = [
            ("vocab.json", Array("{\n\(lines.joined(separator: ",\n"))\n}\n".utf8)),
            ("tokenizer_config.json", Array(try encoder.encode(JSON.object(settings)))),
        ]
        let contents = Dictionary(uniqueKeysWithValues: files.map { ($0.name, $0.bytes) })
        tokenizer = try Wav2Vec2CTCTokenizer(path: "") { contents[$0] }
        size = tokens.count
        self.isKept = isKept
    }
}

extension Wav2Vec2CTCTokenizer {
    /// Whether all characters of the texts have tokens.
    fileprivate func covers(_ texts: [String]) -> Bool {
        let characters = Set(texts.flatMap { CodePoints($0) })
        return characters.allSatisfy { character in
            guard let ids = try? encode(String(character)) else { return false }
            return !ids.contains { $0 == unknownID || $0 == blankID }
        }
    }
}
