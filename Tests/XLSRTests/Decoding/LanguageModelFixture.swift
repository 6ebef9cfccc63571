import FoundationEssentials
import XLSR

/// What KenLM says of models, written by Fixtures/make_language_models.py.
struct LanguageModelFixture: Decodable {
    struct Case: Decodable {
        /// Whether a sentence begins with the words; if not, nothing is known of what came before.
        let begins: Bool
        let words: [String]
        /// log10 P of each word after the words before it.
        let scores: [Float]
        /// Cases that end in equal states have the same number.
        let state: Int
    }

    let name: String
    let files: [String]
    let cases: [Case]

    static func all() throws -> [LanguageModelFixture] {
        try JSONDecoder().decode([LanguageModelFixture].self, from: Data(contentsOf: url("expected.json")))
    }

    static func url(_ name: String) -> URL {
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Fixtures/language-model/\(name)")
    }

    static func bytes(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: url(name))) }

    static func load(_ name: String) throws -> NGramModel { try NGramModel.load(url(name).path) }
}

extension NGramModel {
    /// log10 P of each word after the words before it, and the state at the end.
    func scores(of words: [String], begins: Bool) -> (scores: [Float], state: State) {
        var state = begins ? beginningOfSentence : NGramModel.emptyState
        let scores = words.map { word in
            let scored = score(index(of: word), after: state)
            state = scored.state
            return scored.log10Probability
        }
        return (scores, state)
    }
}

/// Loads a model from bytes, by way of a file.
func languageModel(_ bytes: some Sequence<UInt8>, name: String = "model") throws -> NGramModel {
    try withTemporaryFolder { folder in
        try write(bytes, to: folder + "/" + name)
        return try NGramModel.load(folder + "/" + name)
    }
}
