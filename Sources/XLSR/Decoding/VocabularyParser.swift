/// Reads vocab.json and added_tokens.json: `{token: id}`, or `{language: {token: id}}`.
///
/// By a cursor, because a dictionary with `String` keys, which every JSON decoder goes through, merges tokens that are
/// canonically equivalent (see `CodePoints`).
enum VocabularyParser {
    enum Vocabulary {
        case flat([CodePoints: Int])
        case nested([String: [CodePoints: Int]])
    }

    /// Ids name rows of a matrix; anything near this is damage.
    static let idLimit = 10_000_000

    /// - Throws: `CheckpointError` for text that isn't JSON of this form and for ids that aren't integers in
    ///   0 ..< 10,000,000.
    static func parse(_ bytes: [UInt8], path: String) throws -> Vocabulary {
        var cursor = JSONCursor(bytes, path: path)
        var flat: [CodePoints: Int] = [:]
        var nested: [String: [CodePoints: Int]] = [:]
        try cursor.object { cursor, key in
            if cursor.next == UInt8(ascii: "{") {
                var vocabulary: [CodePoints: Int] = [:]
                try cursor.object { cursor, token in vocabulary[CodePoints(token)] = try id(of: token, &cursor) }
                nested[key] = vocabulary
            } else {
                flat[CodePoints(key)] = try id(of: key, &cursor)
            }
        }
        try cursor.finish()
        guard flat.isEmpty || nested.isEmpty else {
            throw CheckpointError(.tokenizer, path: path, "mixes token ids with vocabularies of languages")
        }
        return nested.isEmpty ? .flat(flat) : .nested(nested)
    }

    static func id(of token: String, _ cursor: inout JSONCursor) throws -> Int {
        let text = try cursor.word()
        guard let id = Int(text), (0..<idLimit).contains(id), text.first != "+" else {
            throw CheckpointError(
                .tokenizer, path: cursor.path,
                "token \"\(token)\" has the id \(text); ids are integers in 0 ..< \(idLimit)")
        }
        return id
    }
}
