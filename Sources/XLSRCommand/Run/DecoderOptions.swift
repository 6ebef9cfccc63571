import Glibc
import XLSR

extension Option {
    static let decoder = Option(
        "--decoder", choices: DecoderOptions.Kind.self,
        "the best token of each frame, or the best text [beam with any option below or a model's own language model]")
    static let beamWidth = Option("--beam-width", value: "N", "texts that the beam search keeps at a time [100]")
    static let lm = Option(
        "--lm", value: "FILE|DIR|none",
        "n-gram language model: ARPA, KenLM, or a language_model folder [the model's own, if it has one]")
    static let lmWeight = Option("--lm-weight", value: "A", "weight of the language model, alpha [0.5]")
    static let wordScore = Option("--word-score", value: "B", "what each word adds to a text's score, beta [1.5]")
    static let hotword = Option(
        "--hotword", value: "W[:BOOST]", "a word to prefer, by how much; may be given several times [10]")
    static let lexicon = Option("--lexicon", value: "FILE", "write no words but those of a file, one a line")
    static let nbest = Option("--nbest", value: "N", "with --format json: the N best texts with their scores")
}

/// How `xlsr run` makes text of scores.
struct DecoderOptions: Sendable {
    enum Kind: String, CaseIterable {
        case greedy, beam
    }

    enum LanguageModel: Equatable {
        case own, none
        case path(String)
    }

    private static let scores = -1000.0...1000.0
    /// What only a beam search understands.
    static let beamOptions: [Option] = [
        .beamWidth, .lm, .lmWeight, .wordScore, .hotword, .lexicon, .nbest,
    ]

    private let kind: Kind?
    private let languageModel: LanguageModel
    private let lmWeight: Double?
    private let wordScore: Double?
    private let lexicon: String?
    private let options: BeamSearchOptions
    /// The options that ask for a beam search.
    private let given: [String]

    init(_ arguments: Arguments) throws {
        kind = try arguments.choice(.decoder, Kind.self)
        given = Self.beamOptions.filter(arguments.has).map(\.name)
        if kind == .greedy, let name = given.first {
            throw UsageError("\(name) is for a beam search, but --decoder greedy was given")
        }
        switch arguments[.lm] {
        case nil: languageModel = .own
        case "none": languageModel = .none
        case let path?: languageModel = .path(path)
        }
        lmWeight = try arguments.number(.lmWeight, in: Self.scores)
        wordScore = try arguments.number(.wordScore, in: Self.scores)
        lexicon = arguments[.lexicon]
        var options = BeamSearchOptions()
        options.beamWidth = try arguments.integer(.beamWidth, in: 1...100_000) ?? options.beamWidth
        options.alternativeCount = try arguments.integer(.nbest, in: 1...100_000) ?? 0
        guard options.alternativeCount <= options.beamWidth else {
            throw UsageError(
                "--nbest \(options.alternativeCount): a beam of width \(options.beamWidth) has no more texts than that")
        }
        options.hotwords = try arguments.all(.hotword).map(Self.hotword)
        self.options = options
        if languageModel == .none, let name = nameOfWeight {
            throw UsageError("\(name) is for a language model, but --lm none was given")
        }
    }

    /// The option that no output but a transcript has a use for, if one was given.
    var nameOfAny: String? { kind != nil ? Option.decoder.name : given.first }

    /// Those that were named.
    var files: [String] {
        let model: String? = if case .path(let path) = languageModel { path } else { nil }
        return [model, lexicon].compactMap(\.self)
    }

    var asksForAlternatives: Bool { options.alternativeCount > 0 }

    private var nameOfWeight: String? {
        lmWeight != nil ? Option.lmWeight.name : wordScore != nil ? Option.wordScore.name : nil
    }

    private static func hotword(_ text: String) throws -> Hotword {
        guard let colon = text.lastIndex(of: ":"), let boost = Double(text[text.index(after: colon)...]) else {
            return Hotword(try word(text[...], of: text))
        }
        guard scores.contains(boost) else {
            throw UsageError("--hotword: the boost of \(singleQuoted(text)) is not from -1000 to 1000")
        }
        return Hotword(try word(text[..<colon], of: text), boost: boost)
    }

    private static func word(_ word: Substring, of text: String) throws -> String {
        guard !word.allSatisfy(\.isWhitespace) else { throw UsageError("--hotword: \(singleQuoted(text)) has no word") }
        return String(word)
    }

    /// - Throws: `CheckpointError` for a language model or lexicon that can't be read; `UsageError` for weights without
    ///   a language model.
    func decoder(for model: XLSRModel) throws -> CTCDecoder {
        guard kind == .beam || !given.isEmpty || (kind == nil && model.hasOwnLanguageModel) else { return .bestPath }
        var fusion: ShallowFusion?
        switch languageModel {
        case .none: break
        case .own: fusion = try model.ownLanguageModel()
        case .path(let path): fusion = try ShallowFusion.load(path)
        }
        if fusion == nil, let name = nameOfWeight {
            throw UsageError("\(name) needs a language model, and \(model.name) has none; name one with --lm")
        }
        if let lmWeight { fusion?.weights.languageWeight = lmWeight }
        if let wordScore { fusion?.weights.wordScore = wordScore }
        return .beamSearch(
            try model.beamSearchDecoder(
                fusion: fusion, usesOwnLanguageModel: false, lexicon: lexicon.map(Lexicon.words), options: options))
    }
}

extension CTCDecoder {
    /// For `--verbose`.
    var summary: String {
        guard case .beamSearch(let decoder) = self else { return "greedy" }
        var parts = ["beam search of width \(decoder.options.beamWidth)"]
        if let fusion = decoder.fusion {
            let weights = fusion.weights
            parts.append(
                "language model \(fusion.name) (\(fusion.model.format.rawValue), order \(fusion.model.order),"
                    + " \(counted(fusion.model.vocabularyCount, "word")), weight \(decimal(weights.languageWeight, 2)),"
                    + " word score \(decimal(weights.wordScore, 2)))")
        } else {
            parts.append("no language model")
        }
        let hotwords = decoder.options.hotwords.count
        if hotwords > 0 { parts.append(counted(hotwords, "hotword")) }
        if let count = decoder.lexiconWordCount { parts.append("lexicon of \(counted(count, "word"))") }
        return parts.joined(separator: ", ")
    }

    /// What is worth telling before the work starts.
    var warning: String? {
        guard case .beamSearch(let decoder) = self, let fusion = decoder.fusion else { return nil }
        let share = fusion.shareOfForeignCharacters(for: decoder.alphabet)
        guard share > 0.2 else { return nil }
        return "\(decimal(share * 100, 0)) % of the characters of \(fusion.name) are not in the model's alphabet;"
            + " do language and case fit?"
    }
}
