struct TrieSearch: NGramSearch {
    let order: Int
    let unigramCount: Int
    func unigram(_ word: NGramModel.WordIndex) -> (entry: NGramEntry, node: Int) {
        (NGramEntry(probability: 0, backoff: 0, extendsLeft: false), 0)
    }
    func find(middle: Int, _ word: NGramModel.WordIndex, _ node: inout Int) -> NGramEntry? { nil }
    func findLongest(_ word: NGramModel.WordIndex, _ node: Int) -> Float? { nil }
}
enum KenLMFile {
    static func load(_ file: MappedFile, path: String) throws -> NGramModel {
        throw LanguageModelFile.unsupported(path, "x")
    }
}
extension ARPAFile {
    static func loadCompressed(_ file: MappedFile, path: String) throws -> NGramModel {
        throw LanguageModelFile.unsupported(path, "x")
    }
}
