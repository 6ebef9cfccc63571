import FoundationEssentials
import Testing
import XLSR

/// What transformers does with one tokenizer (Fixtures/make_tokenizers.py).
struct TokenizerGolden: Decodable, CustomTestStringConvertible, Sendable {
    struct Decoded: Decodable {
        let ids: [Int]
        let text: String
        let characters, words: [String]
        let characterOffsets, wordOffsets: [Int]
    }

    struct Encoded: Decodable {
        let text: String
        let ids: [Int]
    }

    let name: String
    let files: [String: String]
    let language: String?
    let lowerCase: Bool
    let blank, size: Int
    let decoded: [Decoded]
    let encoded: [Encoded]

    var testDescription: String { name }

    static let all: [TokenizerGolden] = {
        let folder = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
        let data = FileManager.default.contents(atPath: "/\(folder)/Fixtures/tokenizers.json")
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return data.flatMap { try? decoder.decode([TokenizerGolden].self, from: $0) } ?? []
    }()

    func tokenizer() throws -> Wav2Vec2CTCTokenizer {
        try Wav2Vec2CTCTokenizer(path: "golden", language: language) { name in files[name].map { Array($0.utf8) } }
    }
}

/// A tokenizer made of the texts of its files.
func tokenizer(_ files: [String: String], language: String? = nil) throws -> Wav2Vec2CTCTokenizer {
    try Wav2Vec2CTCTokenizer(path: "model", language: language) { name in files[name].map { Array($0.utf8) } }
}

/// Equality by code points, which `==` on strings isn't.
func codePoints(_ texts: String...) -> [[UInt32]] { codePoints(texts) }

func codePoints(_ texts: [String]) -> [[UInt32]] { texts.map { $0.unicodeScalars.map(\.value) } }
