import XLSR

/// What `xlsr info` tells of a translation model's text decoder.
struct DecoderReport: Encodable {
    let layers: Int
    let hiddenSize: Int
    let heads: Int
    let intermediateSize: Int
    let vocabularySize: Int
    let positions: Int
    let beams: Int
    let maxLength: Int
    /// Tokens of the languages that it can be told to write.
    let targetLanguages: [String]
    let tokenizerProblem: String?

    /// nil for other models.
    init?(_ source: ModelSource) throws {
        guard let translation = try TranslationConfiguration(source.files) else { return nil }
        layers = translation.decoder.layerCount
        hiddenSize = translation.decoder.hiddenSize
        heads = translation.decoder.headCount
        intermediateSize = translation.decoder.intermediateSize
        vocabularySize = translation.decoder.vocabularySize
        positions = translation.decoder.positionLimit
        beams = translation.generation.beamCount
        maxLength = translation.generation.maxLength
        switch translation.tokenizer {
        case .success(let tokenizer): (targetLanguages, tokenizerProblem) = (tokenizer.languageTokens, nil)
        case .failure(let error): (targetLanguages, tokenizerProblem) = ([], "\(error)")
        }
    }

    enum CodingKeys: String, CodingKey {
        case layers, heads, positions, beams
        case hiddenSize = "hidden_size"
        case intermediateSize = "intermediate_size"
        case vocabularySize = "vocabulary_size"
        case maxLength = "max_length"
        case targetLanguages = "target_languages"
        case tokenizerProblem = "tokenizer_problem"
    }

    var rows: [(String, String)] {
        [
            (
                "decoder",
                "\(counted(layers, "layer")) of width \(hiddenSize), \(counted(heads, "head")), feed-forward"
                    + " \(intermediateSize), \(vocabularySize) tokens, \(counted(positions, "position"))"
            ),
            ("search", "\(counted(beams, "beam")), texts of at most \(counted(maxLength, "token"))"),
        ] + (targetLanguages.isEmpty ? [] : [("languages", targetLanguages.joined(separator: " "))])
            + (tokenizerProblem.map { [("tokenizer", "none: \($0)")] } ?? [])
    }
}
