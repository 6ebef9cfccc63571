/// The list of words that a beam search may write.
public enum Lexicon {
    /// The words of a file: the first field of each line, so that spellings and counts after it are ignored. Words are
    /// written as the model writes them, letter by letter.
    /// - Throws: `CheckpointError` for a file that is missing, empty or not UTF-8.
    public static func words(_ path: String) throws -> [String] {
        let bytes = try MappedFile(path: path).contents(limit: .max, path: path)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CheckpointError(.malformed, path: path, "the lexicon is not UTF-8 text")
        }
        let words = text.unicodeScalars.split { $0 == "\n" || $0 == "\r" }.compactMap { line in
            line.split(whereSeparator: \.isPythonWhitespace).first.map { String($0) }
        }
        guard !words.isEmpty else { throw CheckpointError(.malformed, path: path, "the lexicon has no words") }
        return words
    }
}
